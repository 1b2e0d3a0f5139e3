package graph_test

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stepseal/stepseal/internal/graph"
)

func drawn(n int, edges ...[2]int) *graph.Graph {
	g := graph.New(n)
	for _, e := range edges {
		g.Add(e[0], e[1])
	}
	return g
}

func TestTops(t *testing.T) {
	for name, test := range map[string]struct {
		graph *graph.Graph
		want  []int
	}{
		"nothing at all":                      {drawn(0), nil},
		"nodes without edges":                 {drawn(3), []int{0, 1, 2}},
		"a chain":                             {drawn(3, [2]int{2, 1}, [2]int{1, 0}), []int{2}},
		"an edge to itself":                   {drawn(2, [2]int{0, 0}, [2]int{0, 1}), []int{0}},
		"a cycle":                             {drawn(3, [2]int{0, 1}, [2]int{1, 2}, [2]int{2, 0}), []int{0}},
		"a cycle behind a node":               {drawn(3, [2]int{2, 0}, [2]int{0, 1}, [2]int{1, 0}), []int{2}},
		"a cycle that leads to an early node": {drawn(4, [2]int{1, 2}, [2]int{2, 1}, [2]int{2, 0}), []int{1, 3}},
		"a cycle that leads to a cycle":       {drawn(4, [2]int{0, 1}, [2]int{1, 0}, [2]int{2, 3}, [2]int{3, 2}, [2]int{3, 0}), []int{2}},
		"two cycles":                          {drawn(4, [2]int{0, 1}, [2]int{1, 0}, [2]int{2, 3}, [2]int{3, 2}), []int{0, 2}},
		"edges out of the graph":              {drawn(2, [2]int{0, 7}, [2]int{-1, 1}), []int{0, 1}},
	} {
		if diff := cmp.Diff(test.want, test.graph.Tops()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestShortestWays(t *testing.T) {
	diamond := drawn(6, [2]int{0, 2}, [2]int{0, 1}, [2]int{1, 3}, [2]int{2, 3}, [2]int{3, 4}, [2]int{4, 0}, [2]int{3, 3}, [2]int{0, 1})
	for name, test := range map[string]struct {
		graph    *graph.Graph
		to, most int
		want     [][]int
		count    uint64
	}{
		"to itself":         {diamond, 0, 5, [][]int{{0}}, 1},
		"both of a diamond": {diamond, 4, 5, [][]int{{0, 1, 3, 4}, {0, 2, 3, 4}}, 2},
		"the first of two":  {diamond, 4, 1, [][]int{{0, 1, 3, 4}}, 2},
		"none":              {diamond, 5, 5, nil, 0},
		"none wanted":       {diamond, 4, 0, nil, 2},
		"a longer way does not count": {drawn(4, [2]int{0, 1}, [2]int{1, 2}, [2]int{2, 3}, [2]int{0, 3}), 3, 5,
			[][]int{{0, 3}}, 1},
	} {
		routes := test.graph.From(0)
		if diff := cmp.Diff(test.want, routes.To(test.to, test.most)); diff != "" || routes.Count(test.to) != test.count {
			t.Errorf("%s: %d ways, %s", name, routes.Count(test.to), diff)
		}
	}
}

func TestALongChain(t *testing.T) {
	const n = 20_000
	g := graph.New(n)
	for i := range n - 1 {
		g.Add(i, i+1)
		g.Add(i+1, i)
	}
	if diff := cmp.Diff([]int{0}, g.Tops()); diff != "" {
		t.Error(diff)
	}
	routes := g.From(0)
	if ways := routes.To(n-1, 3); len(ways) != 1 || len(ways[0]) != n || routes.Count(n-1) != 1 {
		t.Errorf("%d ways", len(ways))
	}
}

// A ladder of diamonds has twice as many ways with each rung: they are counted without being walked.
func TestMoreWaysThanCanBeCounted(t *testing.T) {
	const rungs = 70
	g := graph.New(3*rungs + 1)
	for i := range rungs {
		g.Add(3*i, 3*i+1)
		g.Add(3*i, 3*i+2)
		g.Add(3*i+1, 3*i+3)
		g.Add(3*i+2, 3*i+3)
	}
	routes := g.From(0)
	if routes.Count(3*rungs) != math.MaxUint64 || routes.Count(3*10) != 1<<10 {
		t.Errorf("%d and %d ways", routes.Count(3*rungs), routes.Count(3*10))
	}
	if ways := routes.To(3*rungs, 4); len(ways) != 4 || slices.Equal(ways[0], ways[3]) {
		t.Errorf("%d ways", len(ways))
	}
}

// FuzzGraph draws what the bytes say, an edge for each pair, and compares with the definitions.
func FuzzGraph(f *testing.F) {
	f.Add([]byte{0, 1, 1, 2, 2, 0, 3, 3})
	f.Add([]byte{1, 2, 2, 1, 2, 0})
	f.Fuzz(func(t *testing.T, edges []byte) {
		const n = 12
		g := graph.New(n + 1)
		for i := 0; i+1 < len(edges); i += 2 {
			g.Add(int(edges[i]%n), int(edges[i+1]%n))
		}
		tops := g.Tops()
		for _, top := range tops {
			if top < n {
				g.Add(n, top)
			}
		}
		routes := g.From(n)
		for node := range n {
			ways := routes.To(node, 50)
			if len(ways) == 0 {
				t.Fatalf("%d is not reached from the tops %v", node, tops)
			}
			if count := routes.Count(node); count != uint64(len(ways)) && (len(ways) < 50 || count < 50) {
				t.Fatalf("%d ways to %d, and %d are counted", len(ways), node, count)
			}
			for _, way := range ways {
				check(t, g, way, n, node, len(ways[0]))
			}
		}
		for _, top := range tops {
			for _, other := range tops {
				if top != other && top < n && other < n && g.From(other).Count(top) > 0 {
					t.Fatalf("the top %d is reached from the top %d", top, other)
				}
			}
		}
	})
}

func check(t *testing.T, g *graph.Graph, way []int, from, to, length int) {
	t.Helper()
	if way[0] != from || way[len(way)-1] != to || len(way) != length {
		t.Fatalf("the way %v", way)
	}
	for i := range len(way) - 1 {
		if !slices.Contains(g.Out(way[i]), way[i+1]) {
			t.Fatalf("the way %v takes an edge that is not there", way)
		}
	}
}
