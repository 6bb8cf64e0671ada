//! The one-line status.
//!
//! What it is not: a measurement; it shows the numbers it is given.
//!
//! Invariant: the line has no control characters and no line end, so it can be redrawn in place or logged.

use std::fmt;

use crate::report::duration;

/// What the line shows.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Status {
    /// Ticks the engine took.
    pub ticks: u64,
    /// Decisions made.
    pub decisions: u64,
    /// Orders sent.
    pub orders: u64,
    /// Fills received.
    pub fills: u64,
    /// Net position in lots.
    pub position_lots: f64,
    /// Realised and floating profit in account currency.
    pub profit: f64,
    /// Account currency.
    pub currency: String,
    /// Median of tick to order, in ns; `None` before the first order.
    pub tick_to_order_p50_ns: Option<u64>,
    /// 99th percentile of tick to order, in ns.
    pub tick_to_order_p99_ns: Option<u64>,
    /// Orders in doubt.
    pub in_doubt: usize,
    /// Leaves of the operator that an order may still use.
    pub overrides_open: u32,
    /// Why nothing opens; `None` while openings may pass.
    pub why_not: Option<String>,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |ns: Option<u64>| ns.map_or("-".to_string(), duration);
        let Status { ticks, decisions, orders, fills, position_lots, profit, .. } = self;
        let currency: String = self.currency.chars().filter(|c| !c.is_control()).collect();
        write!(
            f,
            "ticks {ticks}  decisions {decisions}  orders {orders}  fills {fills}  position {position_lots:+.2}  \
             profit {profit:+.2} {currency}  tick_to_order p50 {} p99 {}",
            shown(self.tick_to_order_p50_ns),
            shown(self.tick_to_order_p99_ns)
        )?;
        if self.in_doubt > 0 {
            write!(f, "  in doubt {}", self.in_doubt)?;
        }
        if self.overrides_open > 0 {
            write!(f, "  override open")?;
        }
        let Some(why_not) = &self.why_not else { return Ok(()) };
        let plain: String = why_not.chars().filter(|c| !c.is_control()).collect();
        write!(f, "  no openings ({plain})")
    }
}

impl Status {
    /// For a terminal: replaces the line before.
    pub fn redrawn(&self) -> String {
        format!("\r{self}\x1b[K")
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn one_line_whatever_comes() {
        let status = Status {
            ticks: 5,
            profit: -1.5,
            currency: "US\nD".into(),
            tick_to_order_p50_ns: Some(12_345),
            ..Status::default()
        };
        assert_eq!(
            status.to_string(),
            "ticks 5  decisions 0  orders 0  fills 0  position +0.00  profit -1.50 USD  tick_to_order p50 12.3 µs p99 -"
        );
    }
}
