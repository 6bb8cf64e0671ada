//! The accounts of all venues as one: what each said last, added up.
//!
//! What it is not: an exchange of currencies; amounts are added as they are told.
//!
//! Invariant: there is no sum before every account spoke, so that a loss is never reckoned from a part of the money.

use super::AccountWord;
use crate::types::{Money, StateError, StateSink, StateSource, VenueId};

/// What is known of one account.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    word: Option<AccountWord>,
    /// Realised by fills since then.
    realised: Money,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Accounts(Box<[Account]>);

impl Accounts {
    pub(super) fn new(venue_count: usize) -> Self {
        Accounts(vec![Account::default(); venue_count.max(1)].into())
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Takes an account's word; all together, once each is known.
    pub(super) fn take(&mut self, word: &AccountWord) -> Option<AccountWord> {
        let account = self.0.get_mut(usize::from(word.venue.0))?;
        *account = Account { word: Some(*word), realised: Money::ZERO };
        let mut words = self.0.iter().map(|account| account.word);
        let first = words.next()??;
        words.try_fold(first, |sum, word| {
            let word = word?;
            Some(AccountWord {
                balance: sum.balance.plus(word.balance),
                equity: sum.equity.plus(word.equity),
                credit: sum.credit.plus(word.credit),
                // A day begins where it begins first.
                day: sum.day.max(word.day),
                is_begun: sum.is_begun && word.is_begun,
                ..sum
            })
        })
    }

    /// A fill realised something that its account has not told yet.
    pub(super) fn realise(&mut self, venue: VenueId, amount: Money) {
        if let Some(account) = self.0.get_mut(usize::from(venue.0)) {
            account.realised = account.realised.plus(amount);
        }
    }

    /// What the accounts have not told yet.
    #[inline]
    pub(super) fn realised(&self) -> Money {
        self.0.iter().fold(Money::ZERO, |sum, account| sum.plus(account.realised))
    }

    /// A venue's part of an amount that all accounts have together.
    pub(super) fn share(&self, venue: VenueId, amount: Money, total: Money) -> Money {
        if self.0.len() == 1 {
            return amount;
        }
        let own = self.0.get(usize::from(venue.0)).and_then(|account| account.word);
        let own = own.map_or(Money::ZERO, |word| word.equity);
        let part = (i128::from(amount.0) * i128::from(own.0)).checked_div(i128::from(total.0));
        Money(part.and_then(|part| i64::try_from(part).ok()).unwrap_or(0))
    }

    /// Tells its words.
    pub(super) fn save(&self, sink: &mut impl StateSink) {
        for Account { word, realised } in &self.0 {
            sink.word(u64::from(word.is_some()));
            let word = word.unwrap_or_default();
            [word.balance, word.equity, word.credit, *realised]
                .iter()
                .for_each(|amount| sink.signed(amount.0));
            sink.signed(word.day);
            sink.word(u64::from(word.is_begun));
        }
    }

    /// Takes the words of [`Accounts::save`], of as many accounts.
    pub(super) fn load(source: &mut StateSource<'_>, venue_count: usize) -> Result<Self, StateError> {
        let mut accounts = Accounts::new(venue_count);
        for (index, account) in accounts.0.iter_mut().enumerate() {
            let is_known = source.flag("an account's word")?;
            let mut amounts = [Money::ZERO; 4];
            for amount in &mut amounts {
                *amount = Money(source.signed("an account's amount")?);
            }
            let [balance, equity, credit, realised] = amounts;
            let (day, is_begun) = (source.signed("an account's day")?, source.flag("an account's begin")?);
            let word = AccountWord { venue: VenueId(index as u16), balance, equity, credit, day, is_begun };
            *account = Account { word: is_known.then_some(word), realised };
        }
        Ok(accounts)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::limits;
    use super::super::{AccountWord, LossWatch};
    use crate::risk::{LossPlan, Reason};
    use crate::types::{Money, StateBytes, StateSource, TimeNs, VenueId};

    fn word(venue: u16, equity: i64) -> AccountWord {
        let (venue, amount) = (VenueId(venue), Money(equity));
        AccountWord { venue, balance: amount, equity: amount, day: 1, ..AccountWord::default() }
    }

    #[test]
    fn two_accounts_lose_together_and_neither_is_taken_for_the_other() {
        let mut watch = LossWatch::new(LossPlan::default(), 2);
        let reason = |watch: &LossWatch| watch.reached_by_account(&limits()).map(|refusal| refusal.reason);
        watch.account(&word(0, 10_000), TimeNs(0));
        assert_eq!(reason(&watch), Some(Reason::LossUnknown), "the other one did not speak");
        watch.account(&word(1, 3_000), TimeNs(0));
        assert_eq!(reason(&watch), None);
        // Each speaks again, as it was: nothing is lost by one being smaller than the other.
        watch.account(&word(0, 10_000), TimeNs(0));
        watch.account(&word(1, 3_000), TimeNs(0));
        assert_eq!(reason(&watch), None);
        watch.account(&word(0, 9_900), TimeNs(0));
        assert_eq!(reason(&watch), None);
        watch.account(&word(1, 2_900), TimeNs(0));
        assert_eq!(reason(&watch), Some(Reason::LossDaily), "a hundred of each is two hundred");
    }

    #[test]
    fn what_one_account_realised_stays_until_that_one_tells_it_and_outlasts_a_start() {
        let mut watch = LossWatch::new(LossPlan::default(), 2);
        (0..2).for_each(|venue| watch.account(&word(venue, 5_000), TimeNs(0)));
        watch.realise(VenueId(1), Money(-200));
        watch.account(&word(0, 5_000), TimeNs(0));
        assert!(watch.reached_by_positions(&limits()).is_some());
        let mut bytes = StateBytes::default();
        watch.save(1, &mut bytes);
        let mut again = LossWatch::new(LossPlan::default(), 2);
        again.load(&mut StateSource::new(&bytes.into_bytes())).unwrap();
        assert!(again.reached_by_positions(&limits()).is_some());
        assert_eq!(again.equities_of(VenueId(0)).map(|both| both.1), Some(Money(5_000)));
    }
}
