package evidence

import (
	"errors"
	"fmt"
	"strings"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// VEXPredicate is the predicate type of OpenVEX documents, without the version that stands in the document.
// https://github.com/openvex/spec/blob/main/ATTESTING.md
const VEXPredicate = "https://openvex.dev/ns"

// CheckOpenVEX reports why a document cannot stand as the predicate of a VEX attestation. What it says is package vex's to
// read.
func CheckOpenVEX(doc []byte) error {
	tree, err := strictjson.ParseTree(doc, strictjson.Bounds{Bytes: maxStatementBytes, Depth: maxDepth, FoldKeys: true})
	if err != nil {
		return err
	}
	context := tree.At("@context").Text()
	if context != VEXPredicate && !strings.HasPrefix(context, VEXPredicate+"/v0.") {
		return fmt.Errorf("the @context %.120q is not OpenVEX's", context)
	}
	if len(tree.At("statements").Elements()) == 0 {
		return errors.New("OpenVEX without statements")
	}
	return nil
}
