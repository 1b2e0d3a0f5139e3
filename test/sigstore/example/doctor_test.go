package example

import "regexp"

// healthy wants the trust section to hold together, the doctor to reach every service, and its warning of what ends within
// the five years that keys gives.
func (o *operator) healthy() {
	o.t.Helper()
	o.says("", `signer +builder +by private`, "trust", "check")
	if said, err := o.page("doctor", ""); err != nil || !regexp.MustCompile(`answers .* transparency log http://rekor`).MatchString(said) {
		o.t.Errorf("doctor: %v:\n%s", err, said)
	}
	o.says("", `warning: private: certificate authority \S+, intermediate CN=fulcio,O=example ends in 18\d\d days`, "trust", "doctor", "--warn-within", "1900d")
}

// says runs stepseal on the trust section. It ends with that reason, or without one, and says that.
func (o *operator) says(reason, expression string, args ...string) {
	o.t.Helper()
	said, err := o.carried("stepseal", append(args, "--config", "trust.yaml")...)
	if reason != "" {
		reason = `\[` + reason + `\]`
	}
	if (err != nil) != (reason != "") || !regexp.MustCompile(reason).MatchString(said) || !regexp.MustCompile(expression).MatchString(said) {
		o.t.Errorf("%v: want %q and %q, got %v:\n%s", args, reason, expression, err, said)
	}
}
