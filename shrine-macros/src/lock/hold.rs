//! Holds the versions of a type against what was released.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote_spanned;

use super::differences::{differences, parts, split};
use super::{FILE, History, Release};
use crate::errors::Errors;
use crate::names::plain;
use crate::state::StateType;
use crate::version::Version;

/// A version of a type, the head or an older one.
pub(crate) struct Known<'a> {
    pub(crate) version: &'a Version,
    pub(crate) state: &'a StateType,
}

/// Reports what is wrong with the chain of a type, newest first, and answers with assertions on its fingerprints.
///
/// `label` is how messages call the type; `complete` says that no hop was left out of the chain.
pub(crate) fn hold(
    label: &str,
    known: &[Known<'_>],
    history: &History,
    complete: bool,
    errors: &Errors,
) -> TokenStream {
    let Some(head) = known.first().filter(|head| head.version.is_known()) else { return TokenStream::new() };
    if complete {
        unreachable(label, known, history, errors);
    }
    retired(label, head, history, errors);
    let mut out = TokenStream::new();
    if let Some(path) = &history.path {
        // The compiler has to notice when the file changes.
        out.extend(generated! { const _: &[u8] = ::core::include_bytes!(#path); });
    }
    out.extend(assertions(label, known, history));
    out
}

/// Reports releases that no hop leads from.
fn unreachable(label: &str, known: &[Known<'_>], history: &History, errors: &Errors) {
    let (Some(head), Some(oldest)) = (known.first(), known.last()) else { return };
    let (place, current) = (&head.version.text, head.version.text.value());
    for Release { text, version, .. } in &history.releases {
        if known.iter().any(|known| known.version.parsed == *version) {
            continue;
        }
        if *version > head.version.parsed {
            let message = format!("{label} was released as {text} ({FILE}), which is newer than {current}");
            errors.report(place, message, format!("raise the version above {text}"));
            continue;
        }
        let oldest = oldest.version.text.value();
        let message = format!(
            "{label} was released as {text} ({FILE}) and a host may still hold that state, but no hop leads from {text}; the oldest version with a way here is {oldest}"
        );
        let help = format!("write `#[migrate(from = \"{text}\", ..)]` in its place among the others");
        errors.report(place, message, help);
    }
}

/// Reports names that were retired and came back as something else.
fn retired(label: &str, head: &Known<'_>, history: &History, errors: &Errors) {
    for (ident, now) in parts(head.state) {
        let (name, Some(now)) = (plain(ident), now) else { continue };
        for release in history.releases.iter().filter(|release| release.retired.contains(&name)) {
            let before = release.shape.iter().map(|line| split(line)).find(|(part, _)| *part == name);
            if let Some((_, before)) = before.filter(|(_, before)| *before != now) {
                let (before, now) = (said(before), said(&now));
                let message = format!(
                    "`{name}` was {before} in {label} {} and is retired: it cannot come back as {now}",
                    release.text
                );
                let help = "choose another name, because a state of that version may still come back";
                errors.report(ident, message, help);
                break;
            }
        }
    }
}

/// How messages call what stands behind a name.
fn said(what: &str) -> String {
    match what {
        "" => "a variant without fields".to_owned(),
        what => format!("`{what}`"),
    }
}

/// One for each released version. Only the newest that is broken speaks: an edit in a nested type breaks all of them.
fn assertions(label: &str, known: &[Known<'_>], history: &History) -> TokenStream {
    let mut out = TokenStream::new();
    let mut newer = Vec::new();
    for (index, Known { version, state }) in known.iter().enumerate() {
        let release = history.releases.iter().find(|release| release.version == version.parsed);
        let Some(release) = release.filter(|_| state.usable) else { continue };
        let message = message(label, index == 0, release, state);
        let span = Span::mixed_site().located_at(version.text.span());
        let ident: &Ident = &state.ident;
        let released = Literal::u64_unsuffixed(release.fingerprint);
        let deprecated = state.deprecated.then(|| generated! { #[allow(deprecated)] });
        out.extend(quote_spanned! { span =>
            #deprecated
            const _: () = ::core::assert!(
                ::core::option_env!("SHRINE_DEV").is_some()
                    #(|| #newer)*
                    || <#ident as ::shrine::__private::State>::FINGERPRINT == #released,
                #message
            );
        });
        newer.push(generated! { <#ident as ::shrine::__private::State>::FINGERPRINT != #released });
    }
    out
}

fn message(label: &str, head: bool, release: &Release, state: &StateType) -> String {
    let version = &release.text;
    let mut message = if head {
        format!(
            "the state of {label} changed, but version {version} was released with another shape: raise the version and describe the change with `#[migrate(from = \"{version}\", ..)]`"
        )
    } else {
        format!(
            "the hops of {label} lead back to another state than version {version} was released with: correct the `#[migrate]` that leads from it, or keep the older version of a type that it contains"
        )
    };
    let differences = differences(state, &release.shape);
    if !differences.is_empty() {
        message.push_str("\n\n  = help: ");
        message.push_str(&differences.join(", "));
    }
    // A format string, although without arguments.
    message.replace('{', "{{").replace('}', "}}")
}
