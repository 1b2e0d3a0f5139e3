package signing

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// withoutCheck are the attacks that no single function stops, and why.
var withoutCheck = map[int]string{
	20: "every reader has its bounds",
	21: "what cannot be used is passed over, and nothing goes by what it says",
	28: "what is not read needs no check",
}

// Each check says in its comment which attacks it stops. test/mutants takes it away and sees that the tests of those fail.
func TestEveryAttackIsStoppedByAFunction(t *testing.T) {
	checks := checksOf(t)
	for _, a := range attacks {
		if _, none := withoutCheck[a.number]; none != (len(checks[a.number]) == 0) {
			t.Errorf("attack %d is stopped by %q", a.number, checks[a.number])
		}
		delete(checks, a.number)
	}
	if len(checks) > 0 {
		t.Errorf("there are no such attacks: %v", checks)
	}
}

var stops = regexp.MustCompile(`(?m)^Attacks? (\d+(?:, \d+)*)\.$`)

// checksOf reads the sources for the functions that stop an attack.
func checksOf(t *testing.T) map[int][]string {
	t.Helper()
	found := map[int][]string{}
	err := filepath.WalkDir("../../internal", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if said := stops.FindStringSubmatch(f.Doc.Text()); said != nil {
				for number := range strings.SplitSeq(said[1], ", ") {
					n, _ := strconv.Atoi(number) // digits
					found[n] = append(found[n], strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../../")+"."+receiver(f)+f.Name.Name)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range found {
		slices.Sort(list)
	}
	return found
}

// receiver is the name of a method's type, and a dot.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	of := f.Recv.List[0].Type
	if pointer, ok := of.(*ast.StarExpr); ok {
		of = pointer.X
	}
	name, ok := of.(*ast.Ident)
	if !ok {
		return ""
	}
	return name.Name + "."
}
