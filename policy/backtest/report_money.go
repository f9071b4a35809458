package backtest

import "fmt"

// hoursPerMonth is a twelfth of a year.
const hoursPerMonth = 365.25 * 24 / 12

// money turns task-hours into money.
type money struct {
	Price    float64 // of a task for an hour; 0 says nothing of money
	Currency string
}

// Known reports that there is a price.
func (m money) Known() bool { return m.Price > 0 }

// Text is the price as a person reads it.
func (m money) Text() string { return fmt.Sprintf("%g %s", m.Price, m.Currency) }

// cost is what the scored time cost.
func (m money) cost(hours figure) figure {
	hours.value *= m.Price
	hours.Text = thousands(hours.value, 2)
	hours.Derived = "times the price of a task-hour"
	return hours
}

// perMonth is what a month of the same cost, given the hours that were scored.
func (m money) perMonth(hours figure, scored float64) figure {
	hours.value *= m.Price
	if scored > 0 {
		hours.value *= hoursPerMonth / scored
	}
	hours.Text = thousands(hours.value, 0)
	hours.Derived = "times the price of a task-hour, over the scored hours, times 730.5 hours"
	return hours
}
