package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

// newBindCommand is all the scheduler that a cluster of one node needs: every pod without a node gets that one. It is
// here because the real one costs a minute of building and has nothing to decide.
func newBindCommand() *cobra.Command {
	var kubeconfig string
	command := &cobra.Command{Use: "bind NODE", Args: cobra.ExactArgs(1), SilenceUsage: true,
		RunE: func(_ *cobra.Command, args []string) error { return bindAll(kubeconfig, args[0]) }}
	command.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the API server")
	return command
}

func bindAll(kubeconfig, node string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	unbound := informers.WithTweakListOptions(func(options *metav1.ListOptions) {
		options.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", "").String()
	})
	pods := informers.NewSharedInformerFactoryWithOptions(client, 0, unbound).Core().V1().Pods().Informer()
	if _, err := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: func(object any) {
		if err := bind(ctx, client, object.(*corev1.Pod), node); err != nil {
			fmt.Fprintln(os.Stderr, "bind:", err)
			os.Exit(1)
		}
	}}); err != nil {
		return err
	}
	pods.Run(ctx.Done())
	if ctx.Err() == nil {
		return errors.New("the watch of pods has ended")
	}
	return nil
}

// bind accepts that a pod is gone, or bound already.
func bind(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod, node string) error {
	err := client.CoreV1().Pods(pod.Namespace).Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: node},
	}, metav1.CreateOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	return err
}
