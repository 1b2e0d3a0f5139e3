package scan

import (
	"fmt"
	"testing"

	"github.com/anchore/grype/grype/pkg"
	"github.com/anchore/syft/syft/file"
)

func TestPlacesThatAreNotListedAreCounted(t *testing.T) {
	places := file.NewLocationSet()
	for i := range maxLocations + 3 {
		places.Add(file.NewLocation(fmt.Sprintf("/app/%02d", i)))
	}
	got := locations(pkg.Package{Locations: places})
	if last := got[len(got)-1]; len(got) != maxLocations || last.More != 3 || got[0].More != 0 {
		t.Errorf("%d places, the last with %d more", len(got), last.More)
	}
	places = file.NewLocationSet(file.NewLocation("/app"))
	if got := locations(pkg.Package{Locations: places}); len(got) != 1 || got[0].More != 0 {
		t.Errorf("%+v", got)
	}
}
