//! What the macros make of a lock, expanded in process: a lock belongs to a crate, so a case of the compiler cannot have
//! its own.

use proc_macro2::TokenStream;
use quote::quote;

use super::Lock;
use crate::{state, widget};

/// The mistakes and the assertions in generated code, as their messages.
fn messages(tokens: TokenStream) -> Vec<String> {
    let file: syn::File = syn::parse2(tokens).expect("generated code parses");
    let of_macro = |item: &syn::Item| match item {
        syn::Item::Macro(item) => Some(item.mac.tokens.to_string()),
        syn::Item::Const(item) => match &*item.expr {
            syn::Expr::Macro(assertion) => Some(assertion.mac.tokens.to_string()),
            _ => None,
        },
        _ => None,
    };
    let text = |tokens: String| match tokens.split_once('"') {
        // What stands before the message of an assertion is the condition, which has a text of its own.
        Some((_, rest)) if tokens.contains("option_env") => {
            rest.split_once('"').map_or(String::new(), |(_, rest)| rest.to_owned())
        }
        _ => tokens,
    };
    file.items.iter().filter_map(of_macro).map(text).collect()
}

fn counter(lock: &str) -> Vec<String> {
    let item = quote! {
        #[migrate(from = "0.9.0", rename(count => total), add(step = 1))]
        #[migrate(from = "0.8.0", remove(title: String))]
        pub struct Counter {
            pub total: i64,
            pub step: i64,
        }
    };
    let lock = Lock::of_text(&format!("format = 1\n{lock}"));
    messages(widget::attribute(quote!(id = "counter", version = "1.0.0"), item, &lock))
}

fn released(version: &str, shape: &str) -> String {
    format!("[widget.counter.\"{version}\"]\nfingerprint = \"00000000000000ff\"\nshape = [{shape}]\n")
}

#[test]
fn without_a_lock_nothing_is_asserted() {
    assert_eq!(counter(""), [""; 0]);
}

#[test]
fn a_released_version_is_held_to_its_fingerprint_and_says_what_differs() {
    let found = counter(&released("1.0.0", r#""total: i32", "title: String""#));
    let [message] = found.as_slice() else { panic!("{found:#?}") };
    assert!(message.contains("255"), "{message}");
    assert!(
        message.contains(
            "the state of widget `counter` changed, but version 1.0.0 was released with another shape"
        ),
        "{message}"
    );
    assert!(
        message
            .contains(r#"raise the version and describe the change with `#[migrate(from = \"1.0.0\", ..)]`"#),
        "{message}"
    );
    assert!(
        message.contains("= help: `title` is gone, `total` was `i32` and is `i64`, `step` is new"),
        "{message}"
    );
}

#[test]
fn what_a_type_inside_was_is_told_where_nothing_else_differs() {
    let item = quote! {
        pub struct Counter {
            pub total: i64,
            pub mode: Mode,
        }
    };
    let lock = format!("format = 1\n{}", released("1.0.0", r#""mode: Mode { Idle, On(u8) }", "total: i64""#));
    let found =
        messages(widget::attribute(quote!(id = "counter", version = "1.0.0"), item, &Lock::of_text(&lock)));
    let [message] = found.as_slice() else { panic!("{found:#?}") };
    assert!(message.contains("= help: `mode` was released as `Mode {{ Idle, On(u8) }}`"), "{message}");
}

#[test]
fn an_older_version_speaks_only_if_no_newer_one_does() {
    let lock = released("1.0.0", "") + &released("0.9.0", r#""count: i64""#);
    let found = counter(&lock);
    let [head, older] = found.as_slice() else { panic!("{found:#?}") };
    assert!(!head.contains("!="), "{head}");
    assert!(
        older.contains("< Counter as :: shrine :: __private :: State > :: FINGERPRINT != 255"),
        "{older}"
    );
    assert!(older.contains("lead back to another state than version 0.9.0 was released with"), "{older}");
    assert!(!older.contains("= help"), "its own fields are as they were: {older}");
}

#[test]
fn a_release_that_no_hop_leads_from_is_a_mistake() {
    let found = counter(&released("0.7.0", ""));
    let [message] = found.as_slice() else { panic!("{found:#?}") };
    assert!(message.contains("widget `counter` was released as 0.7.0 (shrine.lock)"), "{message}");
    assert!(message.contains("the oldest version with a way here is 0.8.0"), "{message}");
    let found = counter(&released("1.1.0", ""));
    assert!(found[0].contains("newer than 1.0.0"), "{found:#?}");
}

#[test]
fn a_retired_name_does_not_come_back_as_something_else() {
    let lock = |shape: &str| released("0.9.0", shape) + "retired = [\"step\"]\n";
    let found = counter(&lock(r#""step: String""#));
    assert!(
        found
            .iter()
            .any(|message| message.contains("`step` was `String` in widget `counter` 0.9.0 and is retired")),
        "{found:#?}"
    );
    let found = counter(&lock(r#""step: i64""#));
    assert!(!found.iter().any(|message| message.contains("is retired")), "{found:#?}");
}

#[test]
fn a_retired_variant_does_not_come_back_as_something_else() {
    let item = quote! {
        #[migrate(from = "2", add(Late))]
        #[migrate(from = "1", remove(Late(u8), up = Mode::Idle))]
        enum Mode { Idle, Late }
    };
    let text = "format = 1\n[state.Mode.1]\nfingerprint = \"0000000000000001\"\nshape = [\"Idle\", \"Late(u8)\"]\nretired = [\"Late\"]";
    let found = messages(state::attribute(quote!(version = "3"), item, &Lock::of_text(text)));
    let expected =
        "`Late` was `(u8)` in `Mode` 1 and is retired: it cannot come back as a variant without fields";
    assert!(found.iter().any(|message| message.contains(expected)), "{found:#?}");
}

#[test]
fn a_type_with_a_version_is_found_by_its_name() {
    let item = quote! {
        #[migrate(from = "1", add(Late))]
        enum Mode { Idle, Late, Named { b: u8, a: String }, Foreign(Other) }
    };
    let text = "format = 1\n[state.Mode.\"2\"]\nfingerprint = \"0000000000000001\"\nshape = [\"Foreign(u8)\", \"Idle\", \"Named { a: String, b: u16 }\"]";
    let found = messages(state::attribute(quote!(version = "2.0"), item, &Lock::of_text(text)));
    let [message] = found.as_slice() else { panic!("{found:#?}") };
    assert!(message.contains("the state of `Mode` changed"), "{message}");
    assert!(
        message.contains(
            "= help: `Late` is new, `Named` was `{{ a: String, b: u16 }}` and is `{{ a: String, b: u8 }}`"
        ),
        "{message}"
    );
}

#[test]
fn a_malformed_lock_is_one_mistake_however_many_widgets_read_it() {
    let expand = || {
        let item = quote! { struct Clock { n: u8 } };
        messages(widget::attribute(
            quote!(id = "clock", version = "1.0.0"),
            item,
            &Lock::of_text("format = 1\nclock = 3"),
        ))
    };
    let found = expand();
    let [message] = found.as_slice() else { panic!("{found:#?}") };
    assert!(message.contains("`shrine.lock` cannot be read: line 2: `clock` is not known"), "{message}");
    assert_eq!(expand(), [""; 0]);
}
