//! What the macros write, for review: read a snapshot when it changes.

use proc_macro2::TokenStream;
use quote::quote;

use crate::lock::Lock;
use crate::{migrate, state, transform, widget};

/// The code as `rustfmt` would lay it out.
fn pretty(tokens: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(tokens).expect("generated code parses"))
}

#[test]
fn a_widget_with_two_hops() {
    let item = quote! {
        #[migrate(from = "0.9.0", rename(count => total), add(step = 1))]
        #[migrate(from = "0.8.0", change(count: i32), remove(title: String), add(name = |old| old.title.clone()))]
        #[derive(Default)]
        pub struct Counter {
            /// What was added up.
            pub total: i64,
            step: i64,
            name: String,
            #[state(transient)]
            cache: Option<i64>,
        }
    };
    insta::assert_snapshot!(pretty(widget::attribute(
        quote!(id = "counter", version = "1.0.0"),
        item,
        &Lock::default()
    )));
}

#[test]
fn a_nested_type_with_a_version() {
    let item = quote! {
        #[migrate(from = "1", change(done: u8, up = |done| done != 0))]
        struct Item {
            done: bool,
            below: Vec<Item>,
        }
    };
    insta::assert_snapshot!(pretty(state::attribute(quote!(version = "2"), item, &Lock::default())));
}

#[test]
fn a_filter_that_may_fail() {
    let item = quote! {
        pub fn number(text: String) -> Result<Option<i64>, BoxError> {
            Ok(text.parse().ok())
        }
    };
    insta::assert_snapshot!(pretty(transform::attribute(quote!(filter, name = "to-number"), item)));
}

#[test]
fn an_enum() {
    let item = quote! {
        enum Mode {
            Idle,
            One(u8),
            Two(u8, String),
            Named { at: u64 },
        }
    };
    insta::assert_snapshot!(pretty(state::attribute(quote!(), item, &Lock::default())));
}

#[test]
fn fixtures_of_fields() {
    let item = quote! {
        struct Volume {
            #[fixture(range(0..=100))]
            level: u8,
            #[fixture(range(..LIMIT), len(MIN..MAX))]
            history: Vec<f32>,
            #[fixture(values("a", text()))]
            name: String,
            #[state(opaque = "uuid@1")]
            #[fixture(with = Uuid::from_u64)]
            id: Uuid,
        }
    };
    insta::assert_snapshot!(pretty(state::attribute(quote!(), item, &Lock::default())));
}

#[test]
fn an_enum_with_a_hop() {
    let item = quote! {
        #[migrate(
            from = "1",
            rename(Pending => Waiting),
            add(Archived, down = ModeV1::Pending),
            remove(Legacy(u32), up = |n| Mode::Count(n.into())),
            change(Active { since: u32 }, up = |a| Mode::Active { since: a.since.into() }, Count(u32))
        )]
        #[derive(Debug, Default)]
        pub enum Mode {
            #[default]
            Waiting,
            Active { since: u64 },
            Count(u64),
            Archived,
        }
    };
    insta::assert_snapshot!(pretty(state::attribute(quote!(version = "2"), item, &Lock::default())));
}

#[test]
fn a_function_that_makes_a_step() {
    let item = quote! {
        fn up(old: CounterV0_9_0) -> Result<Counter, MigrateError> {
            Ok(Counter { total: old.count })
        }
    };
    insta::assert_snapshot!(pretty(migrate::attribute(quote!(from = "0.9.0", down = back), item)));
}

#[test]
fn a_behaviour() {
    let item = quote! {
        impl Counter {
            #[input]
            fn add(&mut self, n: i64, total: &mut Output<i64>) {
                total.send(n);
            }
            #[input]
            fn reset(&mut self, inbox: &Inbox) {}
            #[every("1s")]
            fn tick(&mut self, total: &mut Output<i64>) {}
            #[view]
            fn view(&self) -> String {
                String::new()
            }
            #[before_update]
            fn flush(&mut self, inbox: &Inbox, cx: &UpdateContext) {}
            #[started]
            fn start(&mut self, inbox: &Inbox) {}
        }
    };
    insta::assert_snapshot!(pretty(widget::attribute(quote!(), item, &Lock::default())));
}
