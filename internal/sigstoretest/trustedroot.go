package sigstoretest

import (
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"time"

	trustpb "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
)

// TrustedRoot is trusted_root.json: everything that a verifier must know, so that it need not ask.
func (s *Sigstore) TrustedRoot() []byte {
	text, _ := s.trusted().MarshalJSON() // keys and certificates of our own always encode
	return text
}

// SigningConfig is signing_config.json of version 0.2: Fulcio and the issuer, and of the logs and the timestamp authority
// those that are given.
func (s *Sigstore) SigningConfig(services ...Service) []byte {
	either := root.ServiceConfiguration{Selector: trustpb.ServiceSelector_ANY}
	var logs, timestampers []root.Service
	for _, one := range services {
		switch one {
		case Rekor, RekorTiles:
			logs = append(logs, s.service(one))
		case TimestampAuthority:
			timestampers = append(timestampers, s.service(one))
		}
	}
	config, err := root.NewSigningConfig(root.SigningConfigMediaType02,
		[]root.Service{s.service(Fulcio)}, []root.Service{s.service(Issuer)}, logs, either, timestampers, either)
	if err != nil {
		return nil // another media type, which is not so
	}
	text, _ := config.MarshalJSON()
	return text
}

func (s *Sigstore) service(one Service) root.Service {
	version := uint32(1)
	if one == RekorTiles {
		version = 2
	}
	return root.Service{URL: s.URL(one), MajorAPIVersion: version, ValidityPeriodStart: s.start(), Operator: "stepseal sandbox"}
}

// start is when everything begins to be valid.
func (s *Sigstore) start() time.Time { return s.began.AddDate(0, 0, -1) }

func (s *Sigstore) trusted() *root.TrustedRoot {
	trusted, err := root.NewTrustedRoot(root.TrustedRootMediaType01, s.trustedAuthorities(),
		s.trustedLog(s.URL(Fulcio), s.transparent.id[:], s.transparent.key.Public()), []root.TimestampingAuthority{
			&root.SigstoreTimestampingAuthority{
				Leaf: s.timestamper.certificate, Root: s.timestamper.root, URI: s.URL(TimestampAuthority), ValidityPeriodStart: s.start(),
			},
		},
		s.trustedLogs())
	if err != nil {
		return &root.TrustedRoot{} // another media type, which is not so
	}
	return trusted
}

func (s *Sigstore) trustedAuthorities() []root.CertificateAuthority {
	authorities := []*authority{s.certifier}
	if _, odd := s.misbehaviour(); odd.named {
		authorities = append(authorities, odd.certifier)
	}
	var list []root.CertificateAuthority
	for _, one := range authorities {
		list = append(list, &root.FulcioCertificateAuthority{
			Root: one.root, Intermediates: []*x509.Certificate{one.certificate}, URI: s.URL(Fulcio), ValidityPeriodStart: s.start(),
		})
	}
	return list
}

func (s *Sigstore) trustedLogs() map[string]*root.TransparencyLog {
	logs := s.trustedLog(s.URL(Rekor), s.log.id[:], s.log.public)
	for id, log := range s.trustedLog(s.URL(RekorTiles), s.tiles.id, s.tiles.public) {
		logs[id] = log
	}
	return logs
}

func (s *Sigstore) trustedLog(url string, id []byte, key crypto.PublicKey) map[string]*root.TransparencyLog {
	return map[string]*root.TransparencyLog{hex.EncodeToString(id): {
		BaseURL: url, ID: id, ValidityPeriodStart: s.start(), HashFunc: crypto.SHA256, PublicKey: key, SignatureHashFunc: crypto.SHA256,
	}}
}
