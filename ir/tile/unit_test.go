package tile

import (
	"strings"
	"testing"
)

func TestUnitText(t *testing.T) {
	const text = "tile p for sm_90a\nphase grid m by 128, c by 256 unit wgmma m by 64, c by 256 stages 4 {\n  begin a\n  stream k by 64 {\n    step a\n  }\n  store y\n}\n"
	u, err := parseUnit("wgmma m by 64, c by 256 stages 4")
	if err != nil || !strings.Contains(text, u.String()) {
		t.Fatalf("%v, %v", u, err)
	}
	for _, bad := range []string{"", "mma", "mma m by 64 stages 3", "mma m by 64, c by 64", "mma m by x, c by 64 stages 3", "mma m by 64, c by 64 stages many"} {
		if u, err := parseUnit(bad); err == nil {
			t.Errorf("%q is taken for %v", bad, u)
		}
	}
}
