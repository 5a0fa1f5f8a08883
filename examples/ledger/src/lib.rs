//! A double-entry ledger with six released versions behind it. Run `cargo shrine watch examples/ledger`.
//!
//! Its history, newest first; each step is one `#[migrate]` below:
//!
//! | version | what changed |
//! |---|---|
//! | 1.0.0 | an entry has any number of postings, no longer one debit and one credit; ledgers can be audited and have an id |
//! | 0.5.0 | the currency became a type of its own, the limit is counted in cents; accounts have titles |
//! | 0.4.0 | the year became a number; a ledger has a status, and no longer a flag |
//! | 0.3.0 | amounts beyond 21 million; entries are numbered |
//! | 0.2.0 | whether a ledger is locked is no longer a word in its title |
//! | 0.1.0 | the first one |
//!
//! `tests.rs` says what the migrations are held to. The captured states are in `shrine-fixtures/`, the released shapes in
//! `shrine.lock`.

mod money;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use shrine::prelude::*;
use uuid::Uuid;

pub use money::Currency;

/// Books entries and tells the balance of each account.
#[widget(id = "ledger", version = "1.0.0")]
#[migrate(
    from = "0.5.0",
    change(
        entries: Vec<EntryV2>,
        draft: Option<EntryV2>,
        accounts: BTreeMap<String, AccountV1>,
        status: StatusV1
    ),
    add(id = Uuid::nil()),
    check = |old, new| old.entries.len() == new.entries.len() && old.next_number == new.next_number
)]
// Most ledgers are of 0.4.0, which was in use for years. They take one step: the hops above and below in one.
#[migrate(
    from = "0.4.0",
    to = "1.0.0",
    change(entries: Vec<EntryV2>, draft: Option<EntryV2>, status: StatusV1, limit: f32, up = money::cents),
    remove(currency: String),
    add(money = |old| Currency::of(&old.currency), accounts = BTreeMap::new(), id = Uuid::nil())
)]
#[migrate(
    from = "0.4.0",
    remove(currency: String, down = |new| new.money.code.clone()),
    add(money = |old| Currency::of(&old.currency), accounts = BTreeMap::new()),
    change(limit: f32, up = money::cents, down = money::units)
)]
#[migrate(
    from = "0.3.0",
    change(opened: String, try_up = |year| year.trim().parse(), down = |year| year.to_string()),
    remove(locked: bool, down = |new| new.status == StatusV1::Locked),
    add(status = |old| if old.locked { StatusV1::Locked } else { StatusV1::Running })
)]
#[migrate(
    from = "0.2.0",
    change(entries: Vec<EntryV1>, draft: Option<EntryV1>),
    add(next_number = |old| old.entries.len() as u64 + 1)
)]
#[migrate(from = "0.1.0", rename(title => name), add(locked), manual)]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    /// Whose ledger it is.
    pub name: String,
    /// The first year.
    pub opened: i32,
    /// Whether entries can be booked.
    pub status: Status,
    /// What amounts are counted in.
    pub money: Currency,
    /// An entry with a larger posting is refused. In cents; 0 is no limit.
    pub limit: i64,
    /// What was booked.
    pub entries: Vec<Entry>,
    /// What is about to be booked.
    pub draft: Option<Entry>,
    /// The number of the next entry.
    pub next_number: u64,
    /// What is known of accounts, by their names.
    #[fixture(len(0..=3))]
    pub accounts: BTreeMap<String, Account>,
    /// What other programs call it; nil for a ledger that is older than ids.
    #[state(opaque = "uuid@1")]
    #[fixture(values(Uuid::nil(), Uuid::max()))]
    pub id: Uuid,
    /// How much was booked since the program has started: no part of the state.
    #[state(transient)]
    pub booked_today: u32,
}

/// What is known of an account.
#[state(version = "2")]
#[migrate(from = "1", add(open = true))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// What people call it.
    pub title: String,
    /// Whether anything can be booked on it.
    pub open: bool,
}

/// Whether entries can be booked, and if not, why.
#[state(version = "2")]
#[migrate(
    from = "1",
    rename(Running => Open),
    change(Closed(i16)),
    remove(Locked, up = Status::Closed(0)),
    add(Audited, down = |new| StatusV1::Closed(i16::try_from(new.year).unwrap_or(0)))
)]
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Status {
    /// They can.
    #[default]
    Open,
    /// The books are closed after this year; 0 where it is not known.
    Closed(i32),
    /// The books are closed and looked through.
    Audited {
        /// The last year.
        year: i32,
        /// By whom.
        by: String,
    },
}

/// What moves from some accounts to others.
#[state(version = "3")]
#[migrate(
    from = "2",
    remove(debit: String, credit: String, cents: i64),
    add(postings),
    with = both_sides,
    down = one_of_each_side
)]
#[migrate(from = "1", rename(text => memo), change(cents: i32))]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entry {
    /// What for.
    pub memo: String,
    /// Debits and credits; their sums are equal.
    pub postings: Vec<Posting>,
}

/// One line of an entry.
#[state]
#[derive(Debug, Clone, PartialEq)]
pub struct Posting {
    /// The account.
    pub account: String,
    /// The side of the account.
    pub side: Side,
    /// How much, in cents.
    pub cents: i64,
}

/// A side of an account.
#[state]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The left one.
    Debit,
    /// The right one.
    Credit,
}

/// What locked ledgers had at the end of their title.
const LOCKED: &str = " (locked)";

#[migrate(from = "0.1.0", down = title_with_lock)]
fn name_and_lock(old: LedgerV0_1_0) -> LedgerV0_2_0 {
    let (name, locked) = match old.title.strip_suffix(LOCKED) {
        Some(name) => (name.to_owned(), true),
        None => (old.title, false),
    };
    let LedgerV0_1_0 { opened, currency, limit, entries, draft, .. } = old;
    LedgerV0_2_0 { name, locked, opened, currency, limit, entries, draft }
}

fn title_with_lock(new: LedgerV0_2_0) -> Result<LedgerV0_1_0, MigrateError> {
    let LedgerV0_2_0 { name, locked, opened, currency, limit, entries, draft } = new;
    if name.ends_with(LOCKED) {
        return Err(MigrateError::new(format!("a ledger called {name:?} would be locked")));
    }
    let title = if locked { name + LOCKED } else { name };
    Ok(LedgerV0_1_0 { title, opened, currency, limit, entries, draft })
}

fn both_sides(old: EntryV2) -> Result<Entry, MigrateError> {
    let posting = |account, side| Posting { account, side, cents: old.cents };
    let postings = vec![posting(old.debit, Side::Debit), posting(old.credit, Side::Credit)];
    Ok(Entry { memo: old.memo, postings })
}

fn one_of_each_side(new: Entry) -> Result<EntryV2, MigrateError> {
    let count = new.postings.len();
    let refused =
        || MigrateError::new(format!("{count} postings are not a debit and a credit of one amount"));
    let [debit, credit]: [Posting; 2] = new.postings.try_into().map_err(|_| refused())?;
    if (debit.side, credit.side, debit.cents) != (Side::Debit, Side::Credit, credit.cents) {
        return Err(refused());
    }
    Ok(EntryV2 { memo: new.memo, debit: debit.account, credit: credit.account, cents: debit.cents })
}

#[widget]
impl Ledger {
    /// Books an entry, if both sides of it are equal.
    #[input]
    fn book(&mut self, entry: Entry, booked: &mut Output<u64>, refused: &mut Output<String>) {
        match self.objection_to(&entry) {
            Some(reason) => refused.send(reason.to_owned()),
            None => {
                self.entries.push(entry);
                booked.send(self.next_number);
                self.next_number += 1;
                self.booked_today += 1;
            }
        }
    }

    /// Ends the last year; nothing can be booked after it.
    #[input]
    fn close(&mut self, year: i32) {
        self.status = Status::Closed(year);
    }

    #[view]
    fn view(&self) -> String {
        let line = |(account, cents): (&str, i128)| {
            format!("{:>20} {}", self.title_of(account), self.money.format(cents))
        };
        let lines = self.balances().into_iter().map(line);
        std::iter::once(format!("{}, since {}", self.name, self.opened))
            .chain(lines)
            .chain(std::iter::once(format!("{} booked since the start", self.booked_today)))
            .collect::<Vec<_>>()
            .join("\n")
    }
}

impl Ledger {
    /// The balance of each account: debits less credits, in cents.
    #[must_use]
    pub fn balances(&self) -> BTreeMap<&str, i128> {
        let mut balances = BTreeMap::new();
        for posting in self.entries.iter().flat_map(|entry| &entry.postings) {
            *balances.entry(posting.account.as_str()).or_default() += posting.signed();
        }
        balances
    }

    fn title_of<'a>(&'a self, account: &'a str) -> &'a str {
        self.accounts.get(account).map_or(account, |known| &known.title)
    }

    fn is_closed(&self, account: &str) -> bool {
        self.accounts.get(account).is_some_and(|known| !known.open)
    }

    fn objection_to(&self, entry: &Entry) -> Option<&'static str> {
        if self.status != Status::Open {
            Some("the ledger is closed")
        } else if entry.postings.iter().map(Posting::signed).sum::<i128>() != 0 {
            Some("debits and credits differ")
        } else if self.limit > 0 && entry.postings.iter().any(|posting| posting.cents > self.limit) {
            Some("a posting is above the limit")
        } else if entry.postings.iter().any(|posting| self.is_closed(&posting.account)) {
            Some("an account is closed")
        } else {
            None
        }
    }
}

impl Posting {
    fn signed(&self) -> i128 {
        match self.side {
            Side::Debit => i128::from(self.cents),
            Side::Credit => -i128::from(self.cents),
        }
    }
}
