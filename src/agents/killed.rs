//! Which commands the kill switch holds back on their way out.
//!
//! What it is not: the gate; what is asked here was approved already, perhaps by an engine that has not heard of the kill.
//!
//! Invariant: a cancel, a reduction, a close by an opposite position and a protective stop are never held back.

use crate::record::{AUX_REDUCES, Command, Record};
use crate::runtime::KillFlag;
use crate::types::{OrderAction, OrderId, StrategyId};

/// Whether this command may not leave any more. A command that cannot be read is held while anything at all is killed.
#[inline]
pub(super) fn is_held(flag: &KillFlag, record: &Record, command: &Command) -> bool {
    let is_reduction = record.aux() & AUX_REDUCES != 0;
    // One that no order can have is in no table, and so it is held.
    let strategy = OrderId::from_raw(command.order_id).map_or(StrategyId(u16::MAX), OrderId::strategy);
    flag.is_killed(strategy, record.venue(), record.instrument())
        && !is_reduction
        && !matches!(
            OrderAction::from_code(command.action),
            Some(OrderAction::Remove | OrderAction::CloseBy | OrderAction::StopLevels)
        )
}

#[cfg(test)]
mod tests;
