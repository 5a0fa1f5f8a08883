//! What the migrations are held to.

use shrine::fixtures::fixture;
use shrine::migrate_from;

use crate::{Currency, EntryV1, Ledger, LedgerV0_1_0, LedgerV0_5_0, Side};

shrine::migration_tests!(
    Ledger,
    // Version 0.3.0 took any text for the year.
    may_refuse = ["opened"],
    // The limit was a float of seven digits; of the year the spaces around it and a plus go.
    may_lose = ["limit", "opened"],
    insta
);

shrine::migration_tests!(crate::Entry as entry);
shrine::migration_tests!(crate::Status as status);
shrine::migration_tests!(crate::Account as account);

fn kiosk() -> LedgerV0_1_0 {
    let entry = |text: &str, debit: &str, credit: &str, cents| EntryV1 {
        text: text.to_owned(),
        debit: debit.to_owned(),
        credit: credit.to_owned(),
        cents,
    };
    LedgerV0_1_0 {
        title: "Kiosk".to_owned(),
        opened: "1994".to_owned(),
        entries: vec![entry("till", "cash", "capital", 20_000), entry("papers", "stock", "cash", 4_990)],
        draft: Some(entry("ice", "stock", "cash", 1_200)),
        ..fixture()
    }
}

#[test]
fn the_first_ledger_is_read_as_one_of_today() {
    let migrated = migrate_from::<Ledger, _>(kiosk()).expect("migrates");
    let ledger = migrated.state;
    assert_eq!((ledger.opened, ledger.next_number), (1994, 3));
    assert_eq!(ledger.balances(), [("capital", -20_000), ("cash", 15_010), ("stock", 4_990)].into());
    assert_eq!(ledger.draft.map(|draft| draft.postings[1].side), Some(Side::Credit));
    insta::assert_snapshot!(migrated.report);
}

#[test]
fn a_year_that_is_none_is_refused_where_it_stands() {
    let old = LedgerV0_1_0 { opened: "last year".to_owned(), ..kiosk() };
    let error = migrate_from::<Ledger, _>(old).expect_err("no year");
    assert_eq!(error.to_string(), "opened: invalid digit found in string");
}

#[test]
fn cents_have_as_many_digits_as_their_currency() {
    assert_eq!(Currency::of("EUR").format(-5), "-0.05 EUR");
    assert_eq!(Currency::of("JPY").format(1_200), "1200 JPY");
    assert_eq!(Currency::of("KWD").format(1_234_567), "1234.567 KWD");
    let old = LedgerV0_5_0 { name: "Sato".to_owned(), ..fixture() };
    assert_eq!(migrate_from::<Ledger, _>(old).expect("migrates").state.name, "Sato");
}
