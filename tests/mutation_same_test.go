package tests

import (
	"regexp"
	"testing"

	"dlc/codegen/ptx/emulate/mutate"
)

// sameMeaning are mistakes in PTX after which it still means the same, where that is not found mechanically.
// They are told by expressions of the product, the entry, the statement without the numbers of its registers, and
// what was changed, so that they hold when other code changes. One that is caught all the same, or that no
// mistake could be, is an error.
var sameMeaning = []struct{ product, entry, statement, what, why string }{
	{"^(softmax|cross_entropy|attention)", "", `^setp\.gt\.f32 %p, %f, 0f42B20000`, "setp.gt.f32: 0f[0-7]....... instead of 0f42B20000", "exponents less their maximum are at most 0: none comes to the upper bound of exp"},
	{"^(softmax|cross_entropy|attention)", "", `^selp\.f32 %f, 0f42B20000, %f, %p`, "selp.f32: 0f........ instead of 0f42B20000", "exponents less their maximum are at most 0: none comes to the upper bound of exp"},
	{"^cross_entropy", "", `^selp\.f32 %f, 0f41C00000, 0f00000000, %p`, "0f........ instead of 0f41C00000", "a sum of exponentials that has the largest, 1, is no subnormal number"},
	{"^ring for sm_90a", "", `^bfe\.u32 %r, %r, 4, 14`, "13 instead of 14", "all of its shared memory lies below 128 KB"},
	{"^rmsnorm_rotary", "^f2_rotate_0$", `^@%p bra \$L__BB0_3$`, "bra: @!%p", "a division of 64 bits takes the place of that of 32, which LLVM makes of it where numbers are small"},
	{"", "", `^bar\.sync 0`, "bar.sync: ([1-9]|1[0-5]) instead of 0", "all threads meet at another barrier as well"},
	{"", "", `^shfl\.sync\.idx\.b32 %f, %f, 0, 31, -1`, ": [0-9]+ instead of 31", "lane 0 lies below every bound"},
	{"", "", `^shfl\.sync\.down\.b32 %f, %f, [1248], 31, -1`, ": (27|30|62) instead of 31", "the lanes that count read lanes below 16"},
	{"", "", `^(setp\.lt\.f32 %p, %f,|selp\.f32 %f,) 0fC2D20000`, "0fC2(D[2-9A-F]|[EF].).... instead of 0fC2D20000", "exp of all below -104 is 0"},
}

// reasonFor looks a mistake up.
func reasonFor(product string, m mutate.Mutant) string {
	for _, s := range sameMeaning {
		if matches(s.product, product) && matches(s.entry, m.Entry) && matches(s.statement, m.Shape) && matches(s.what, m.What) {
			return s.why
		}
	}
	return ""
}

func matches(expression, text string) bool { return regexp.MustCompile(expression).MatchString(text) }

// stale demands that what is said of a product could be met in its text.
func stale(t *testing.T, product, text string) {
	t.Helper()
	all := mutate.Possible(text, 1)
	for _, s := range sameMeaning {
		if s.product == "" || !matches(s.product, product) {
			continue
		}
		met := false
		for _, m := range all {
			met = met || matches(s.entry, m.Entry) && matches(s.statement, m.Shape) && matches(s.what, m.What)
		}
		if !met {
			t.Errorf("no mistake in %s could be %s in %s: %s", product, s.what, s.statement, s.why)
		}
	}
}
