// Package graph walks directed graphs of components that strangers drew: with cycles, diamonds, edges to themselves, and
// chains of any length. Nothing in it recurses.
package graph

import (
	"math"
	"slices"
)

// Graph has the nodes 0 to n-1. An edge leads from what needs to what is needed.
type Graph struct {
	out [][]int
}

// New is a graph of n nodes without an edge.
func New(n int) *Graph { return &Graph{out: make([][]int, n)} }

// Len is how many nodes there are.
func (g *Graph) Len() int { return len(g.out) }

// Add draws an edge. What leads nowhere, and what leads from a node to itself, says nothing and is left out.
func (g *Graph) Add(from, to int) {
	if from == to || from < 0 || to < 0 || from >= len(g.out) || to >= len(g.out) {
		return
	}
	g.out[from] = append(g.out[from], to)
}

// Out are the nodes that one needs, in order, each once.
func (g *Graph) Out(node int) []int {
	slices.Sort(g.out[node])
	g.out[node] = slices.Compact(g.out[node])
	return g.out[node]
}

// Tops are the fewest nodes from which every node is reached: those that nothing leads to, and one of each cycle that
// nothing outside of it leads to.
func (g *Graph) Tops() []int {
	seen := make([]bool, g.Len())
	var tops []int
	for node, into := range g.indegrees() {
		if into == 0 {
			tops = append(tops, node)
			g.mark(node, seen)
		}
	}
	// Whatever is left is reached from cycles only. A node that was taken early may be behind a cycle that was found
	// late: the last one taken is behind none, and so backwards.
	var taken []int
	rest := slices.Clone(seen)
	for node := range seen {
		if !seen[node] {
			taken = append(taken, node)
			g.mark(node, seen)
		}
	}
	for _, node := range slices.Backward(taken) {
		if !rest[node] {
			tops = append(tops, node)
			g.mark(node, rest)
		}
	}
	slices.Sort(tops)
	return tops
}

func (g *Graph) indegrees() []int {
	into := make([]int, g.Len())
	for _, needed := range g.out {
		for _, to := range needed {
			into[to]++
		}
	}
	return into
}

// mark marks what a node leads to, itself included.
func (g *Graph) mark(node int, seen []bool) {
	seen[node] = true
	for pending := []int{node}; len(pending) > 0; {
		last := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		for _, next := range g.out[last] {
			if !seen[next] {
				seen[next] = true
				pending = append(pending, next)
			}
		}
	}
}

// Routes are the shortest ways from one node to every other.
type Routes struct {
	from     int
	distance []int // in edges; -1 where no way leads
	before   [][]int
	count    []uint64 // of shortest ways, MaxUint64 for that many and more
}

// From finds the shortest ways from a node, in one walk.
func (g *Graph) From(from int) *Routes {
	n := g.Len()
	r := &Routes{from: from, distance: make([]int, n), before: make([][]int, n), count: make([]uint64, n)}
	for i := range r.distance {
		r.distance[i] = -1
	}
	r.distance[from], r.count[from] = 0, 1
	for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
		node := queue[0]
		for _, next := range g.Out(node) {
			if r.distance[next] < 0 {
				r.distance[next] = r.distance[node] + 1
				queue = append(queue, next)
			}
			if r.distance[next] == r.distance[node]+1 {
				r.before[next] = append(r.before[next], node)
				r.count[next] = sum(r.count[next], r.count[node])
			}
		}
	}
	return r
}

func sum(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

// Count is how many shortest ways lead to a node; MaxUint64 stands for that many and more.
func (r *Routes) Count(to int) uint64 { return r.count[to] }

// To are the shortest ways to a node, both ends included, at most most of them and always the same ones.
func (r *Routes) To(to, most int) [][]int {
	if r.distance[to] < 0 || most < 1 {
		return nil
	}
	// Every step back lies on a shortest way, so that no walk is in vain. choice[i] says which way back was taken.
	length := r.distance[to]
	way, choice := make([]int, length+1), make([]int, length+1)
	way[length] = to
	var all [][]int
	for i := length; ; {
		for ; i > 0; i-- {
			way[i-1] = r.before[way[i]][choice[i]]
		}
		if all = append(all, slices.Clone(way)); len(all) == most {
			return all
		}
		for i = 1; i <= length && choice[i]+1 == len(r.before[way[i]]); i++ {
			choice[i] = 0
		}
		if i > length {
			return all
		}
		choice[i]++
	}
}
