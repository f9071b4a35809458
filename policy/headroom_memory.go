package policy

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"

	"github.com/seed-979cce96/idlescale/autoscaler"
)

type hwire struct {
	Version                                uint8
	At, Arr, Dep, Raw                      int64
	N, T, N2, T2, D, U, Q, W, Start, Slots float64
	W0, WArr                               int64
	WDep, WMean, WSd, WPeak, WH, HistN     float64
	TP, Score, WM0, WMs, BinC, BinE, Weeks float64
	Bins                                   [336]uint16
	BinI                                   int32
	Hist                                   [48]float64
	RingAt, RingArr                        [10]int64
}

func (p Headroom) remember(m autoscaler.Memory) hstate {
	var st hstate
	if len(m) < 3 {
		return st
	}
	raw, err := base64.RawStdEncoding.DecodeString(string(m[1 : len(m)-1]))
	if err != nil {
		return st
	}
	var w hwire
	if binary.Read(bytes.NewReader(raw), binary.LittleEndian, &w) != nil || w.Version != 1 {
		return st
	}
	st = hstate{ok: true, at: w.At, arr: w.Arr, dep: w.Dep, raw: w.Raw, n: w.N, t: w.T, tp: w.TP, score: w.Score, wM0: w.WM0, wMs: w.WMs, binC: w.BinC, binE: w.BinE, weeks: w.Weeks, bins: w.Bins, binI: w.BinI, n2: w.N2, t2: w.T2, d: w.D, u: w.U, q: w.Q, w: w.W, start: w.Start, slots: w.Slots,
		w0: w.W0, wArr: w.WArr, wDep: w.WDep, wMean: w.WMean, wSd: w.WSd, wPeak: w.WPeak, wH: w.WH, histN: w.HistN, hist: w.Hist}
	for i := range st.ring {
		st.ring[i].at, st.ring[i].arr = w.RingAt[i], w.RingArr[i]
	}
	return st
}

func (st *hstate) memory() autoscaler.Memory {
	w := hwire{Version: 1, At: st.at, Arr: st.arr, Dep: st.dep, Raw: st.raw, N: st.n, T: st.t, TP: st.tp, Score: st.score, WM0: st.wM0, WMs: st.wMs, BinC: st.binC, BinE: st.binE, Weeks: st.weeks, Bins: st.bins, BinI: st.binI, N2: st.n2, T2: st.t2, D: st.d, U: st.u, Q: st.q, W: st.w, Start: st.start, Slots: st.slots,
		W0: st.w0, WArr: st.wArr, WDep: st.wDep, WMean: st.wMean, WSd: st.wSd, WPeak: st.wPeak, WH: st.wH, HistN: st.histN, Hist: st.hist}
	for i := range st.ring {
		w.RingAt[i], w.RingArr[i] = st.ring[i].at, st.ring[i].arr
	}
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, &w)
	return autoscaler.Memory(`"` + base64.RawStdEncoding.EncodeToString(b.Bytes()) + `"`)
}
