package policy

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

type Headroom struct {
	Misses  float64
	PerTask int
	Start   time.Duration
	T       Tuning
}

// Tuning constants under experiment.
type Tuning struct {
	Z        float64 // fixed z, 0: learnt
	EpsMul   float64
	TauN     float64 // arrivals in EWMA
	TauMin   float64
	TauMax   float64
	Alpha    float64
	Hold     float64
	Band     float64
	H1       float64
	Prior    float64
	NoGLR    bool
	NoSeason bool
	SkewAdd  float64
	EpsMax   float64
	GLR      float64
	NegCut   float64
	Gamma    float64
	OldEps   bool
	StartQ   float64
}

func (t Tuning) def() Tuning {
	or := func(p *float64, d float64) {
		if *p == 0 {
			*p = d
		}
	}
	or(&t.EpsMul, 1)
	or(&t.TauN, 60)
	or(&t.TauMin, 120)
	or(&t.TauMax, 1800)
	or(&t.Hold, 30)
	or(&t.Band, 1)
	or(&t.H1, 5)
	or(&t.Prior, 1000)
	or(&t.SkewAdd, 1)
	or(&t.GLR, 11)
	or(&t.EpsMax, 0.1)
	or(&t.StartQ, 1)
	return t
}

// Name returns "headroom".
func (Headroom) Name() string { return "headroom" }

type hstate struct {
	ok         bool
	at         int64 // ms
	arr, dep   int64
	raw        int64
	n, t       float64 // decayed arrivals, seconds
	n2, t2     float64
	tp, score  float64
	wM0, wMs   float64
	bins       [336]uint16
	binC, binE float64
	binI       int32
	weeks      float64
	d, u       float64 // decayed departures, session-seconds
	q, w       float64 // dispersion
	burst      float64
	start      float64
	slots      float64
	w0         int64 // window begin ms; 0 none
	wArr       int64
	wDep       float64 // departures in rotation since w0
	wMean, wSd float64
	wPeak      float64
	wH         float64
	hist       [48]float64
	histN      float64
	ring       [10]struct{ at, arr int64 }
}

const histWidth = 0.25

// Decide.
func (p Headroom) Decide(s autoscaler.Snapshot) autoscaler.Decision {
	tn := p.T.def()
	st := p.remember(s.Memory)
	slots := float64(DefaultPerTask)
	if p.PerTask > 0 {
		slots = float64(bounded(p.PerTask))
	}
	if st.ok && st.slots > 0 {
		slots = st.slots
	}
	if s.Totals.Open > 0 && s.Totals.Slots > 0 {
		slots = float64(bounded(s.Totals.Slots)) / float64(bounded(s.Totals.Open))
	}
	st.slots = slots
	p.learn(&s, &st, tn)
	used := float64(max(0, bounded(s.Totals.Slots)-bounded(s.Totals.Free)))
	f := p.forecast(&s, &st, tn, used, slots)

	d := p.plan(&s, &st, tn, f, used, slots)
	d.Memory = st.memory()
	return d
}

type fcast struct {
	room1, room2, surprise, lambda, z, sd, mean, startS float64
}

func (p Headroom) learn(s *autoscaler.Snapshot, st *hstate, tn Tuning) {
	now := s.At.UnixMilli()
	dt := float64(now-st.at) / 1000
	asked := s.Demand.Arrivals + int64(bounded(s.Demand.Waiting)) // whoever waits has arrived
	back := s.Demand.Arrivals < st.raw
	dA, dD := max(0, asked-st.arr), s.Demand.Departures-st.dep
	sessions := float64(bounded(s.Totals.Sessions))
	used := float64(max(0, bounded(s.Totals.Slots)-bounded(s.Totals.Free)))
	if !st.ok || dt < 0 || back || dD < 0 || dt > 86400 {
		*st = hstate{ok: true, slots: st.slots, start: 90}
		if p.Start > 0 {
			st.start = p.Start.Seconds()
		}
		st.at, st.arr, st.dep, st.raw = now, asked, s.Demand.Departures, s.Demand.Arrivals
		st.n, st.t = sessions/600*60, 60
		st.n2, st.t2 = st.n, st.t
		st.tp = st.n
		st.d, st.u = sessions/600*60, sessions*60
		return
	}
	if dt == 0 {
		return
	}
	// start time
	if s.Totals.Starting > 0 {
		oldest := 0.0
		for i := range s.Tasks {
			if t := &s.Tasks[i]; t.State == autoscaler.TaskNew && t.Age < 10*time.Minute {
				oldest = max(oldest, t.Age.Seconds())
			}
		}
		if oldest > st.start {
			st.start = oldest
		} else {
			st.start += (max(oldest, 30) - st.start) * (1 - math.Exp(-dt/86400))
		}
	}
	// change point
	lam := st.rate()
	st.burst = 0
	for _, r := range st.ring {
		T := float64(now-r.at) / 1000
		if r.at == 0 || T < 2 {
			continue
		}
		n, m := float64(asked-r.arr), lam*T
		if n > m+3 && (n*math.Log(n/max(m, 0.5))-(n-m))/st.phi() > tn.GLR {
			st.burst = n / T
			break
		}
	}
	P := st.profile(s.At)
	st.binAdd(s.At, float64(dA), dt)
	tau := min(max(tn.TauN/max(lam, 1e-9), tn.TauMin), tn.TauMax)
	k := math.Exp(-dt / tau)
	st.n, st.t = st.n*k+float64(dA), st.t*k+dt
	st.tp = st.tp*k + P*dt
	kl := math.Exp(-dt / 86400)
	st.n2, st.t2 = st.n2*kl+float64(dA), st.t2*kl+dt
	kd := math.Exp(-dt / 3600)
	st.d, st.u = st.d*kd+float64(dD), st.u*kd+sessions*dt
	// ring
	for i := len(st.ring) - 1; i > 0; i-- {
		age := float64(now-st.ring[i].at) / 1000
		if st.ring[i].at == 0 || age >= math.Pow(2, float64(i+1)) {
			st.ring[i] = st.ring[i-1]
		}
	}
	st.ring[0] = struct{ at, arr int64 }{now, asked}
	// window
	if st.w0 != 0 {
		share := 1.0
		if sessions > 0 {
			share = min(1, used/sessions)
		}
		st.wDep += float64(dD) * share
		x := float64(asked-st.wArr) - st.wDep
		st.wPeak = max(st.wPeak, x)
		if el := float64(now-st.w0) / 1000; el >= st.wH {
			e := (st.wPeak - st.wMean) / st.wSd
			i := int(math.Floor(e / histWidth))
			if i >= 0 {
				st.hist[min(i, len(st.hist)-1)]++
			}
			st.histN++
			// dispersion of arrivals over the window
			if m := lam * el; m > 0 {
				kk := 1 - 1.0/200
				a := float64(asked - st.wArr)
				st.q, st.w = st.q*kk+(a-m)*(a-m)/max(m, 1), st.w*kk+1
			}
			a := float64(asked - st.wArr)
			if st.wM0 > 0 && st.wMs > 0 {
				sc := el / st.wH
				st.score = st.score*math.Exp(-el/(3*86400)) + a*math.Log(st.wMs/st.wM0) - (st.wMs-st.wM0)*sc
			}
			st.w0 = 0
		}
	}
	st.at, st.arr, st.dep, st.raw = now, asked, s.Demand.Departures, s.Demand.Arrivals
}

func (st *hstate) rate() float64 { return st.n / max(st.t, 1) }
func (st *hstate) phi() float64  { return max(1, (st.q+30)/(st.w+30)) }

func (p Headroom) forecast(s *autoscaler.Snapshot, st *hstate, tn Tuning, used, slots float64) fcast {
	var f fcast
	lam := st.rate()
	lams := lam
	if st.tp > 0 {
		lams = st.n / st.tp * st.profile(s.At.Add(time.Duration((st.start+2)/2*float64(time.Second))))
		lams = min(max(lams, lam/2), lam*2)
	}
	lam0 := lam
	if st.score > 0 && !tn.NoSeason {
		lam = lams
	}
	lam = max(lam, st.burst)
	mu := st.d / max(st.u, 1)
	if st.u == 0 {
		mu = 0
	}
	react := s.Reaction.Seconds()
	H := st.start*tn.StartQ + react
	f.startS = H
	f.lambda = lam
	miss := p.Misses
	if miss == 0 {
		miss = 50
	}
	sig2 := st.phi()*lam + mu*used
	lump := slots + bandOf(st, slots, sig2, tn)
	cycle := 1 / max(sig2/(lump*lump)+math.Abs(lam-mu*used)/lump, 1e-9)
	long := st.n2 / max(st.t2, 1)
	excess := 1 + math.Sqrt(sig2*H)/3
	eps := min(tn.EpsMax, miss*1e-6*long*max(cycle, H)*tn.EpsMul/excess)
	if tn.OldEps {
		eps = min(0.02, miss*1e-6*max(slots, lam*H)*tn.EpsMul)
	}
	f.z = st.quantile(eps, tn)
	if tn.Z > 0 {
		f.z = tn.Z
	}
	at := func(h float64) (float64, float64) {
		m := (lam - mu*used) * h
		if m < 0 {
			m *= 1 - tn.NegCut
		}
		v := st.phi()*lam*h + mu*used*h + tn.SkewAdd
		return m, math.Sqrt(v)
	}
	m, sd := at(H)
	f.mean, f.sd = m, sd
	f.room2 = max(1, m+f.z*sd)
	h1 := react + tn.H1
	m1, sd1 := at(h1)
	f.room1 = max(1, min(f.room2, m1+f.z*sd1))
	m15, sd15 := at(15)
	f.surprise = max(3, m15+3*sd15)
	if st.w0 == 0 {
		st.w0, st.wArr, st.wDep, st.wMean, st.wSd, st.wPeak, st.wH = st.at, st.arr, 0, m, sd, 0, H
		st.wM0, st.wMs = lam0*H, lams*H
	}
	return f
}

func bandOf(st *hstate, slots, sig2 float64, tn Tuning) float64 {
	q := math.Cbrt(4 * (st.start + 40) * slots * sig2 * tn.Band)
	return max(0, q-slots)
}

// prior tail of the peak of a driftless walk: 2(1-Φ(z)).
func tailPrior(z float64) float64 { return math.Erfc(z / math.Sqrt2) }

func (st *hstate) quantile(eps float64, tn Tuning) float64 {
	above := 0.0
	for i := len(st.hist) - 1; i >= 0; i-- {
		above += st.hist[i]
		z := float64(i) * histWidth
		tail := (tn.Prior*tailPrior(z) + above) / (tn.Prior + st.histN)
		if tail > eps {
			// interpolate inside bin i
			zHi := z + histWidth
			hi := (tn.Prior*tailPrior(zHi) + above - st.hist[i]) / (tn.Prior + st.histN)
			return zHi - histWidth*(eps-hi)/max(tail-hi, 1e-12)
		}
	}
	return 0
}

type cord struct {
	id  autoscaler.TaskID
	n   int
	fr  float64
	t   *autoscaler.Task
	idl time.Duration
}

func (p Headroom) plan(s *autoscaler.Snapshot, st *hstate, tn Tuning, f fcast, used, slots float64) autoscaler.Decision {
	open, starting := float64(bounded(s.Totals.Open)), float64(bounded(s.Totals.Starting))
	have := capacity(s)
	waiting := float64(bounded(s.Demand.Waiting))
	free := float64(bounded(s.Totals.Free))
	_ = open
	spare := 0.0
	var cs []cord
	if s.Totals.Cordoned > 0 {
		for i := range s.Tasks {
			t := &s.Tasks[i]
			if t.State != autoscaler.TaskCordoned || t.DrainBy != "" || t.Unhealthy || t.Old {
				continue
			}
			if n, ok := t.Occupancy.Sessions(); ok {
				fr := float64(max(0, t.Slots-n))
				spare += fr
				cs = append(cs, cord{t.ID, n, fr, t, t.IdleFor})
			}
		}
	}
	short2 := f.room2 + waiting - free - starting*slots - spare
	short1 := f.room1 + waiting - free - starting*slots
	d := autoscaler.Decision{Open: have}
	code := autoscaler.Code("room_kept")
	switch {
	case short2 > 0:
		d.Open = have + len(cs) + int(math.Ceil(short2/slots))
		code = "room_short"
	case short1 > 0:
		slices.SortFunc(cs, func(a, b cord) int { return cmp.Or(b.n-a.n, cmp.Compare(a.id, b.id)) })
		for _, c := range cs {
			if short1 <= 0 {
				break
			}
			d.Open++
			short1 -= c.fr
		}
		if short1 > 0 && starting == 0 {
			d.Open += int(math.Ceil(short1 / slots))
		}
		code = "room_reopened"
	default:
		extra := free - waiting - f.room1
		if mu := st.d / max(st.u, 1); mu > 0 {
			extra += tn.Gamma * max(0, used-f.lambda/mu)
		}
		if extra > 0 && s.Totals.Open > 0 {
			var vs []cord
			for i := range s.Tasks {
				t := &s.Tasks[i]
				if t.State != autoscaler.TaskOpen || t.Pinned || t.Undrainable {
					continue
				}
				if n, ok := t.Occupancy.Sessions(); ok {
					vs = append(vs, cord{t.ID, n, float64(max(0, t.Slots-n)), t, t.IdleFor})
				}
			}
			slices.SortFunc(vs, func(a, b cord) int { return cmp.Or(a.n-b.n, cmp.Compare(b.t.Age, a.t.Age), cmp.Compare(a.id, b.id)) })
			for _, v := range vs {
				need := v.fr + tn.Alpha*float64(v.n)
				if need > extra || v.fr == 0 {
					break
				}
				extra -= v.fr
				d.Empty = append(d.Empty, v.id)
			}
			d.Open = have - len(d.Empty)
			if len(d.Empty) > 0 {
				code = "room_spare"
			}
		}
	}
	// release
	if len(cs) > 0 {
		reserve := free + spare - waiting
		band := bandOf(st, slots, st.phi()*f.lambda+st.d/max(st.u, 1)*used, tn)
		slices.SortFunc(cs, func(a, b cord) int { return cmp.Or(cmp.Compare(b.idl, a.idl), cmp.Compare(a.id, b.id)) })
		for _, c := range cs {
			if c.n > 0 {
				d.Keep = append(d.Keep, c.id)
				continue
			}
			if c.idl.Seconds() >= tn.Hold && reserve-c.fr >= f.room2+band && short2 <= 0 && starting == 0 && s.Pending == 0 {
				reserve -= c.fr
				continue
			}
			d.Keep = append(d.Keep, c.id)
		}
	}
	d.Room = int(math.Ceil(max(1, min(f.room2+waiting-starting*slots-spare, free), f.room1, free-f.surprise)))
	d.Reasons = []autoscaler.Reason{{Code: code, By: "headroom", Detail: fmt.Sprintf("free %v spare %v starting %v r1 %.1f r2 %.1f lam %.3f mean %.1f sd %.1f H %.0f react %v room %d ", free, spare, starting, f.room1, f.room2, f.lambda*60, f.mean, f.sd, f.startS, s.Reaction, d.Room) + "room " + strconv.Itoa(int(f.room2)) + " z " + strconv.FormatFloat(f.z, 'f', 2, 64)}}
	return d
}
