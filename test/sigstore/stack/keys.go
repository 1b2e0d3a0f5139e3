package stack

import "path/filepath"

// makeKeys makes the keys of a Sigstore in a folder of that name, as the example does for everybody. Of Rekor v1 it knows
// nothing: whoever begins today begins with v2.
func (s *Stack) makeKeys(folder string) error {
	if _, err := s.programs.Output(s.opt.Keys, s.path(folder)); err != nil {
		return err
	}
	private := s.path(filepath.Join(folder, "rekor", "rekor-v1.key"))
	if _, err := s.programs.Output("openssl", "genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", private); err != nil {
		return err
	}
	_, err := s.programs.Output("openssl", "pkey", "-in", private, "-pubout", "-out", s.path(filepath.Join(folder, "public", "rekor-v1.pub")))
	return err
}

// secret is the file of a service with what it signs with.
func (s *Stack) secret(service, name string) string {
	return s.path(filepath.Join("keys", service, name))
}

// public is a file that others verify with.
func (s *Stack) public(name string) string { return s.path(filepath.Join("keys", "public", name)) }
