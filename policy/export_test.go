package policy

// HeadroomTuning are Headroom's constants, for tests that vary them.
type HeadroomTuning = headroomTuning

// Tuned returns a Headroom with other constants.
func Tuned(change func(*HeadroomTuning)) Headroom {
	c := Headroom{}.constants()
	change(&c)
	return Headroom{tuning: &c}
}
