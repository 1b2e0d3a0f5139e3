package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// switchedOff is the variable of the environment that names the function which is taken away. All of them can be in one
// program, since building it takes longer than running it.
const switchedOff = "STEPSEAL_SWITCHED_OFF"

// found is a function in the sources.
type found struct {
	file string
	body int // where in the file its body begins
	doc  string
	last ast.Expr // the type of its last result
}

// functions are those of the package in the folder, by name or by Type.Name, without its tests.
func functions(folder string) (map[string]found, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	all := map[string]found{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, file, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				all[nameOf(f)] = found{file, set.Position(f.Body.Lbrace).Offset + 1, f.Doc.Text(), lastResult(f)}
			}
		}
	}
	return all, nil
}

func nameOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	of := f.Recv.List[0].Type
	if pointer, ok := of.(*ast.StarExpr); ok {
		of = pointer.X
	}
	if name, ok := of.(*ast.Ident); ok {
		return name.Name + "." + f.Name.Name
	}
	return f.Name.Name
}

func lastResult(f *ast.FuncDecl) ast.Expr {
	if f.Type.Results == nil {
		return nil
	}
	return f.Type.Results.List[len(f.Type.Results.List)-1].Type
}

// find looks the function up.
func (c check) find() (found, error) {
	folder, name, _ := strings.Cut(c.function, ".")
	all, err := functions(folder)
	if err != nil {
		return found{}, err
	}
	f, ok := all[name]
	if !ok {
		return found{}, fmt.Errorf("there is no function %s", c.function)
	}
	return f, nil
}

// answer is what the function says when it is taken away.
func (c check) answer(f found) (string, error) {
	if c.passes != "" {
		return c.passes, nil
	}
	switch of := f.last.(type) {
	case nil:
		return "", nil // it says nothing, and does something
	case *ast.Ident:
		switch of.Name {
		case "bool":
			return "true", nil
		case "error":
			return "nil", nil
		}
	case *ast.ArrayType, *ast.StarExpr:
		return "nil", nil
	}
	return "", fmt.Errorf("%s: what does it answer when it is taken away?", c.function)
}

// switches writes the sources with every check behind a switch, and the overlay that puts them in the place of the real
// ones. It gives the overlay's name.
func switches(work string, all []check) (string, error) {
	insertions := map[string][]insertion{}
	for _, c := range all {
		f, err := c.find()
		if err != nil {
			return "", err
		}
		if c.stays != "" {
			continue
		}
		answer, err := c.answer(f)
		if err != nil {
			return "", err
		}
		insertions[f.file] = append(insertions[f.file], insertion{f.body, fmt.Sprintf(" if off(%q) { return %s };", c.function, answer)})
	}
	changed := map[string][]byte{}
	for file, list := range insertions {
		source, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		changed[file] = inserted(source, list)
		folder := filepath.Dir(file)
		changed[filepath.Join(folder, "switched_off.go")] = fmt.Appendf(nil,
			"package %s\n\nimport \"os\"\n\nfunc off(check string) bool { return os.Getenv(%q) == check }\n", filepath.Base(folder), switchedOff)
	}
	return writeOverlay(work, changed)
}

type insertion struct {
	at   int
	text string
}

func inserted(source []byte, list []insertion) []byte {
	slices.SortFunc(list, func(a, b insertion) int { return cmp.Compare(b.at, a.at) }) // from behind, so that places stay
	for _, i := range list {
		source = slices.Insert(source, i.at, []byte(i.text)...)
	}
	return source
}

// writeOverlay writes the changed files beside the tree and says so to the go command.
func writeOverlay(work string, changed map[string][]byte) (string, error) {
	replace := map[string]string{}
	for file, content := range changed {
		path, err := filepath.Abs(file)
		if err != nil {
			return "", err
		}
		replace[path] = filepath.Join(work, strings.ReplaceAll(file, "/", "-"))
		if err := os.WriteFile(replace[path], content, 0o600); err != nil {
			return "", err
		}
	}
	doc, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(work, "overlay.json")
	return overlay, os.WriteFile(overlay, doc, 0o600)
}
