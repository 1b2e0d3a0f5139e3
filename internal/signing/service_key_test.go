package signing

import (
	"context"
	"errors"
	"testing"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

func made(t *testing.T) *Key {
	t.Helper()
	private, _, err := Generate(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := LoadKey(private, nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestWhatAKeyServiceSignsIsVerifiedBeforeItIsUsed(t *testing.T) {
	own, other := made(t), made(t)
	ctx := context.Background()
	if _, err := NewServiceKey(own.Public(), own.sign).bundle(ctx, []byte("{}")); err != nil {
		t.Errorf("its own signature is refused: %v", err)
	}
	down := errors.New("down")
	for name, c := range map[string]struct {
		sign signer
		want error
	}{
		"by another key":      {other.sign, nil},
		"over something else": {func(ctx context.Context, _ []byte) ([]byte, error) { return own.sign(ctx, []byte("else")) }, nil},
		"no signature":        {func(context.Context, []byte) ([]byte, error) { return nil, nil }, nil},
		"no answer":           {func(context.Context, []byte) ([]byte, error) { return nil, down }, down},
	} {
		key := NewServiceKey(own.Public(), c.sign)
		_, bundled := key.bundle(ctx, []byte("{}"))
		_, simple := key.simple(ctx, []byte("{}"))
		_, _, enveloped := key.envelope(ctx, []byte("{}"))
		for _, err := range []error{bundled, simple, enveloped} {
			if err == nil || c.want != nil && !errors.Is(err, c.want) || c.want == nil && outcome.Of(err).Reason != outcome.KeyServiceUnavailable {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestAKeySignsWhatTheTrustTakesItsWordOn(t *testing.T) {
	own, other := made(t), made(t)
	of := Trust{Signers: []Signer{{Key: own.Public(), Signer: trust.Signer{Name: "us", MaySign: []trust.Kind{trust.Scan}}}, {Key: other.Public()}}}
	if err := of.MaySign(own, trust.Scan); err != nil {
		t.Error(err)
	}
	for _, err := range []error{of.MaySign(own, trust.Signature), of.MaySign(made(t), trust.Scan), Trust{}.MaySign(own, trust.Scan)} {
		if err == nil || outcome.Of(err).Reason != outcome.SignerNotTrusted {
			t.Errorf("it ends with %v", err)
		}
	}
}
