package sigstoretest

import (
	"sync"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
)

// tree is the Merkle tree of a log, with the entries and when they came.
type tree struct {
	mu      sync.Mutex
	tree    *testonly.Tree
	entries [][]byte
	times   []time.Time
	indices map[string]uint64 // by the hash of the leaf
}

func newTree() *tree {
	return &tree{tree: testonly.New(rfc6962.DefaultHasher), indices: map[string]uint64{}}
}

// inclusion is where an entry lies in a tree of that size and root, and the proof of it.
type inclusion struct {
	entry []byte
	added time.Time
	leaf  []byte
	index uint64
	size  uint64
	root  []byte
	path  [][]byte
}

// add appends an entry, unless it is there and not wanted again: then it says where.
func (t *tree) add(entry []byte, now time.Time, again bool) (in inclusion, isNew bool, err error) {
	leaf := rfc6962.DefaultHasher.HashLeaf(entry)
	t.mu.Lock()
	defer t.mu.Unlock()
	index, exists := t.indices[string(leaf)]
	if exists = exists && !again; !exists {
		index = t.tree.Size()
		t.tree.Append(leaf)
		t.entries, t.times = append(t.entries, entry), append(t.times, now)
		t.indices[string(leaf)] = index
	}
	in, err = t.prove(index)
	return in, !exists, err
}

// find is the entry with that hash of its leaf.
func (t *tree) find(leaf []byte) (in inclusion, exists bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	index, exists := t.indices[string(leaf)]
	if !exists {
		return in, false, nil
	}
	in, err = t.prove(index)
	return in, true, err
}

// head is the size of the tree and its root.
func (t *tree) head() (size uint64, root []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tree.Size(), t.tree.Hash()
}

func (t *tree) prove(index uint64) (inclusion, error) {
	size := t.tree.Size()
	path, err := t.tree.InclusionProof(index, size)
	return inclusion{
		entry: t.entries[index], added: t.times[index], leaf: t.tree.LeafHash(index), index: index, size: size, root: t.tree.Hash(), path: path,
	}, err
}
