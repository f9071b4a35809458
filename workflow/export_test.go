package workflow

// Trace has every action that the runner takes told to f, the one that ends a
// call included.
func (r *Runner) Trace(f func(Action)) { r.trace = f }
