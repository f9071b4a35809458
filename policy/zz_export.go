package policy

// Tuning is temporary.
type Tuning = headroomTuning

// Tuned is temporary.
func Tuned(f func(*Tuning)) Headroom {
	c := Headroom{}.constants()
	f(&c)
	return Headroom{tuning: &c}
}
