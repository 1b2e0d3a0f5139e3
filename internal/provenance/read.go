package provenance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// Provenance is what a predicate says, of anybody's making. Its signer's word is all that stands behind it. What it does
// not say, or says in two ways, is empty.
type Provenance struct {
	Builder    string
	BuildType  string
	Invocation string
	Repository string // https://HOST/PATH of the source
	Ref        string
	Commit     string // hex
	Started    time.Time
	Finished   time.Time
}

// The predicate types that are read.
const predicateV02 = "https://slsa.dev/provenance/v0.2"

// IsType tells the predicate types that Parse reads.
func IsType(predicateType string) bool {
	return predicateType == PredicateType || predicateType == predicateV02
}

// maxPredicate is far above what the builders of others write: BuildKit's holds the whole build.
const maxPredicate = 16 << 20

// Parse reads a predicate of SLSA provenance 1.0 or 0.2. It refuses what could be read in two ways, and what lacks who
// built it or how to read it.
func Parse(predicateType string, predicate []byte) (Provenance, error) {
	tree, err := strictjson.ParseTree(predicate, strictjson.Bounds{Bytes: maxPredicate, Depth: 64, Values: 200_000})
	if err != nil {
		return Provenance{}, fmt.Errorf("provenance: %w", err)
	}
	var p Provenance
	switch predicateType {
	case PredicateType:
		p, err = parseV1(tree)
	case predicateV02:
		p, err = parseV02(tree)
	default:
		err = fmt.Errorf("the type %.120q is not known", predicateType)
	}
	if err == nil {
		err = p.complete()
	}
	if err != nil {
		return Provenance{}, fmt.Errorf("provenance: %w", err)
	}
	return p, nil
}

func (p Provenance) complete() error {
	if p.Builder == "" {
		return errors.New("it does not say who built")
	}
	if p.BuildType == "" {
		return errors.New("it has no build type")
	}
	return nil
}

// https://slsa.dev/spec/v1.0/provenance#schema
func parseV1(t strictjson.Tree) (p Provenance, err error) {
	build, run := t.At("buildDefinition"), t.At("runDetails")
	p = Provenance{Builder: run.At("builder", "id").Text(), BuildType: build.At("buildType").Text(), Invocation: run.At("metadata", "invocationId").Text()}
	if !build.At("externalParameters").IsObject() {
		return Provenance{}, errors.New("no buildDefinition.externalParameters")
	}
	if p.Started, err = parseTime(run.At("metadata", "startedOn")); err != nil {
		return Provenance{}, err
	}
	if p.Finished, err = parseTime(run.At("metadata", "finishedOn")); err != nil {
		return Provenance{}, err
	}
	if p.Repository, p.Ref, err = parameters(p.BuildType, build.At("externalParameters")); err != nil {
		return Provenance{}, err
	}
	return p.from(gitSources(build.At("resolvedDependencies"))), nil
}

// https://slsa.dev/spec/v0.2/provenance
func parseV02(t strictjson.Tree) (p Provenance, err error) {
	run := t.At("metadata")
	p = Provenance{Builder: t.At("builder", "id").Text(), BuildType: t.At("buildType").Text(), Invocation: run.At("buildInvocationId").Text()}
	if p.Started, err = parseTime(run.At("buildStartedOn")); err != nil {
		return Provenance{}, err
	}
	if p.Finished, err = parseTime(run.At("buildFinishedOn")); err != nil {
		return Provenance{}, err
	}
	config := t.At("invocation", "configSource")
	if source, ok := gitSource(config); ok {
		p.Repository, p.Ref, p.Commit = source.repository, source.ref, source.commit
		return p, nil
	}
	return p.from(gitSources(t.At("materials"))), nil
}

// communityBuild is the build type from before GitHub had one, whose parameters are the same and more.
const communityBuild = "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1"

// external are the parameters of the build types that are known. Another one would mean that the build was influenced by
// what nobody here looks at.
// https://slsa.dev/spec/v1.0/verifying-artifacts#step-2-check-expectations
var external = map[string][]string{
	WorkflowBuild:  {"workflow"},
	communityBuild: {"inputs", "vars", "workflow"},
	JobBuild:       {"system", "repository", "ref", "definition"},
}

// parameters are the source in the external parameters, where the build type is one whose parameters are known.
func parameters(buildType string, given strictjson.Tree) (repository, ref string, err error) {
	known, ok := external[buildType]
	if !ok {
		return "", "", nil
	}
	for _, name := range given.Names() {
		if !slices.Contains(known, name) {
			return "", "", fmt.Errorf("the build type %s has no external parameter %.80q", buildType, name)
		}
	}
	if buildType != JobBuild {
		given = given.At("workflow")
	}
	return given.At("repository").Text(), given.At("ref").Text(), nil
}

// from takes the commit of the source that the parameters name; where they name none, the one source that there is.
func (p Provenance) from(sources []source) Provenance {
	if p.Repository != "" {
		sources = slices.DeleteFunc(sources, func(s source) bool {
			return s.repository != p.Repository || p.Ref != "" && s.ref != p.Ref
		})
	}
	if len(sources) != 1 {
		return p // not said, or said in two ways
	}
	if p.Repository == "" {
		p.Repository, p.Ref = sources[0].repository, sources[0].ref
	}
	p.Commit = sources[0].commit
	return p
}

// source is a commit of a git repository.
type source struct{ repository, ref, commit string }

func gitSources(list strictjson.Tree) []source {
	var found []source
	for _, d := range list.Elements() {
		if s, ok := gitSource(d); ok && !slices.Contains(found, s) {
			found = append(found, s)
		}
	}
	return found
}

// gitSource reads a resource descriptor whose uri is git+https://HOST/PATH@REF, as GitHub's, Chains' and our build types
// write it, with the commit under whichever name the digest has there.
func gitSource(d strictjson.Tree) (source, bool) {
	address, ok := strings.CutPrefix(d.At("uri").Text(), "git+")
	if !ok || !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") {
		return source{}, false
	}
	host := strings.Index(address, "://") + len("://")
	repository, ref, _ := strings.Cut(address[host:], "@")
	s := source{repository: strings.TrimSuffix(address[:host]+repository, ".git"), ref: ref, commit: commitOf(d.At("digest"))}
	login := !strings.Contains(repository, "/")
	if login || s.commit == "" || IsCommit(ref) && ref != s.commit {
		return source{}, false
	}
	if s.ref == s.commit {
		s.ref = ""
	}
	return s, true
}

func commitOf(digest strictjson.Tree) string {
	found := ""
	for _, name := range []string{"gitCommit", "sha1"} {
		text := digest.At(name).Text()
		switch {
		case text == "":
		case !IsCommit(text) || found != "" && found != text:
			return ""
		default:
			found = text
		}
	}
	return found
}

func parseTime(t strictjson.Tree) (time.Time, error) {
	if !t.IsSet() || t.Text() == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, t.Text())
	if err != nil {
		return time.Time{}, fmt.Errorf("%.60q is no time", t.Text())
	}
	return at, nil
}
