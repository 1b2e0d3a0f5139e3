// Command registry serves images from OCI layouts on the loopback interface until it is killed, with nothing but memory
// behind it. It prints its host and port on a line of its own when it is ready.
//
//	registry [-referrers on|off|STATUS] NAME=LAYOUT...
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/sample/load"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("registry: ")
	answer := flag.String("referrers", "on", "how the referrers API answers: on, off or an HTTP status")
	flag.Parse()
	if err := serve(*answer, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

func serve(answer string, images []string) error {
	referrers, err := parseReferrers(answer)
	if err != nil {
		return err
	}
	registry, err := registrytest.Start(registrytest.Options{Referrers: referrers})
	if err != nil {
		return err
	}
	defer registry.Close()
	for _, argument := range images {
		name, path, _ := strings.Cut(argument, "=")
		image, err := load.Layout(path)
		if err != nil {
			return fmt.Errorf("image %q: %w", name, err)
		}
		if _, err := registry.Push(name, image); err != nil {
			return fmt.Errorf("push %s: %w", name, err)
		}
	}
	fmt.Println(registry.Host())

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
	return nil
}

func parseReferrers(answer string) (registrytest.Referrers, error) {
	switch answer {
	case "on":
		return registrytest.ReferrersOn, nil
	case "off":
		return registrytest.ReferrersOff, nil
	}
	status, err := strconv.Atoi(answer)
	if err != nil {
		return 0, fmt.Errorf("-referrers %s: want on, off or an HTTP status", answer)
	}
	return registrytest.Referrers(status), nil
}
