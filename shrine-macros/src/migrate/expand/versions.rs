//! Writes the chain of one version: how state of older versions gets here, and back.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::{Expr, Path};

use super::{Chain, as_step};
use crate::migrate::model::{ChangedVariant, Link, Operation, Removed, RemovedVariant, Up};
use crate::names::{of_type, plain};
use crate::state::expand::{apart, lenient};

/// `impl Chain` for the version of that index.
pub(super) fn version(chain: &Chain<'_>, index: usize) -> TokenStream {
    let (this, version) = chain.at(index);
    let (ident, lenient, text) = (&this.ident, lenient(this), &version.text.value());
    let (info, apart) = (info(chain, index), apart());
    let before = chain.links.get(index).map_or_else(|| oldest(chain), |link| leading(chain, index, link));
    let Before { by_steps, store, versions, older, recode } = before;
    let state = state_of(chain, index, index == 0);
    let load_by_steps = by_steps.map(|by_steps| {
        generated! {
            #apart
            fn load_by_steps(
                __version: &str,
                __input: &mut ::shrine::__private::Decoder<'_>,
                __context: &mut ::shrine::__private::StepContext,
            ) -> ::core::result::Result<Self, ::shrine::__private::MigrateError> {
                if __version == #text {
                    return ::core::result::Result::Ok(<Self as ::shrine::__private::State>::decode(__input)?);
                }
                #by_steps
            }
        }
    });
    generated! {
        #lenient
        impl ::shrine::__private::Chain for #ident {
            const VERSION: &'static str = #text;
            #apart
            fn load(
                __version: &str,
                __input: &mut ::shrine::__private::Decoder<'_>,
                __context: &mut ::shrine::__private::StepContext,
            ) -> ::core::result::Result<Self, ::shrine::__private::MigrateError> {
                ::core::result::Result::Ok(#state)
            }
            #load_by_steps
            #apart
            fn store(
                self,
                __version: &str,
                __out: &mut ::shrine::__private::Encoder,
                __context: &mut ::shrine::__private::StepContext,
            ) -> ::core::result::Result<(), ::shrine::__private::MigrateError> {
                if __version == #text {
                    <Self as ::shrine::__private::State>::encode(&self, __out);
                    return ::core::result::Result::Ok(());
                }
                #store
            }
            #apart
            fn versions(__found: &mut ::std::vec::Vec<::shrine::__private::VersionInfo>) {
                __found.push(#info);
                #versions
            }
            #older
            #apart
            fn recode(
                __version: &str,
                __input: &mut ::shrine::__private::Decoder<'_>,
                __out: &mut ::shrine::__private::Encoder,
            ) -> ::core::result::Result<(), ::shrine::__private::DecodeError> {
                if __version == #text {
                    <Self as ::shrine::__private::State>::encode(&<Self as ::shrine::__private::State>::decode(__input)?, __out);
                    return ::core::result::Result::Ok(());
                }
                #recode
            }
        }
    }
}

/// What a version does with state that is not its own, beside [`state_of`] it.
struct Before {
    /// The same as [`state_of`] without shortcuts, if there are any.
    by_steps: Option<TokenStream>,
    store: TokenStream,
    versions: Option<TokenStream>,
    older: Option<TokenStream>,
    recode: TokenStream,
}

/// It asks the version before it.
fn leading(chain: &Chain<'_>, index: usize, link: &Link) -> Before {
    let older = &link.older.ident;
    let (step, apart) = (as_step(&chain.at(index).0.ident, link), apart());
    let by_steps = (!chain.shortcuts.is_empty()).then(|| {
        generated! {
            let __older = <#older as ::shrine::__private::Chain>::load_by_steps(__version, __input, __context)?;
            #step::step(__older, __context)
        }
    });
    Before {
        by_steps,
        store: generated! {
            let __older = #step::step_down(self, __context)?;
            <#older as ::shrine::__private::Chain>::store(__older, __version, __out, __context)
        },
        versions: Some(generated! { <#older as ::shrine::__private::Chain>::versions(__found); }),
        older: Some(generated! {
            #apart
            fn older(__found: &mut ::shrine::__private::Upgrades) {
                <#older as ::shrine::__private::State>::upgrades(__found);
                <#older as ::shrine::__private::Chain>::older(__found);
            }
        }),
        recode: generated! { <#older as ::shrine::__private::Chain>::recode(__version, __input, __out) },
    }
}

/// The oldest has nobody to ask.
fn oldest(chain: &Chain<'_>) -> Before {
    let recode = generated! {
        ::core::result::Result::Err(__input.error("no version of the chain has that number"))
    };
    Before { by_steps: None, store: unknown(chain), versions: None, older: None, recode }
}

fn unknown(chain: &Chain<'_>) -> TokenStream {
    let oldest = chain.at(chain.links.len()).1.text.value();
    generated! {
        ::core::result::Result::Err(::shrine::__private::MigrateError::unknown_version(__version, #oldest))
    }
}

/// An expression: the state that `__version` wrote, as the version of that index.
///
/// The newest version has its hops in one function, where the compiler moves a field once; in a function for each version,
/// every hop copies the state three times. The other versions, that few ask, ask the one before them.
fn state_of(chain: &Chain<'_>, index: usize, in_one: bool) -> TokenStream {
    let (this, version) = chain.at(index);
    let (ident, text) = (&this.ident, version.text.value());
    let Some(link) = chain.links.get(index) else {
        let unknown = unknown(chain);
        return generated! {
            if __version == #text {
                <#ident as ::shrine::__private::State>::decode(__input)?
            } else {
                return #unknown;
            }
        };
    };
    let beside = chain.shortcuts.iter().filter(|shortcut| shortcut.to == index);
    let beside = beside.filter_map(|shortcut| {
        let uses = |from: &usize| chain.last_hop(*from, index).0 == shortcut.from;
        let versions: Vec<_> = (shortcut.from..=chain.links.len())
            .filter(uses)
            .map(|from| chain.at(from).1.text.value())
            .collect();
        let (older, step) = (&shortcut.link.older.ident, as_step(ident, &shortcut.link));
        (!versions.is_empty()).then(|| {
            generated! {
                else if __context.has_nothing_to_restore() && ::core::matches!(__version, #(#versions)|*) {
                    let __older = <#older as ::shrine::__private::Chain>::load(__version, __input, __context)?;
                    #step::step(__older, __context)?
                }
            }
        })
    });
    let (older, step) = (&link.older.ident, as_step(ident, link));
    let before = if in_one {
        state_of(chain, index + 1, in_one)
    } else {
        generated! { <#older as ::shrine::__private::Chain>::load(__version, __input, __context)? }
    };
    generated! {
        if __version == #text {
            <#ident as ::shrine::__private::State>::decode(__input)?
        }
        #(#beside)*
        else {
            let __older = #before;
            #step::step(__older, __context)?
        }
    }
}

/// What is known about a version and the hops that lead on from it.
fn info(chain: &Chain<'_>, index: usize) -> TokenStream {
    let text = chain.at(index).1.text.value();
    let leads = match index.checked_sub(1) {
        None => generated! { ::core::option::Option::None },
        Some(newer) => {
            let Hop { operations, reversible, class } = hop(&chain.at(newer).0.ident, &chain.links[newer]);
            generated! {
                ::core::option::Option::Some(::shrine::__private::HopInfo {
                    operations: #operations,
                    reversible: #reversible,
                    class: #class,
                })
            }
        }
    };
    let shortcuts = chain.shortcuts.iter().filter(|shortcut| shortcut.from == index).map(|shortcut| {
        let (newer, version) = chain.at(shortcut.to);
        let Hop { operations, reversible, class } = hop(&newer.ident, &shortcut.link);
        let to = version.text.value();
        generated! {
            ::shrine::__private::ShortcutInfo {
                to: ::shrine::__private::text(#to),
                operations: #operations,
                reversible: #reversible,
                class: #class,
            }
        }
    });
    generated! {
        ::shrine::__private::VersionInfo {
            version: ::shrine::__private::text(#text),
            fingerprint: <Self as ::shrine::__private::State>::FINGERPRINT,
            shape: <Self as ::shrine::__private::State>::shape(&mut ::shrine::__private::ShapeContext::new()),
            hop: #leads,
            shortcuts: ::std::vec![#(#shortcuts),*],
        }
    }
}

/// What is known about a hop, as expressions.
struct Hop {
    operations: TokenStream,
    reversible: TokenStream,
    class: TokenStream,
}

/// The hop to `newer`.
fn hop(newer: &Ident, link: &Link) -> Hop {
    let mut operations: Vec<_> = link.hop.operations.iter().map(operation).collect();
    let function =
        |kind: &str, path: &Path| said(kind, &quote!(#path).to_string().replace(' ', ""), None, &[]);
    operations.extend(link.hop.with.as_ref().map(|path| function("with", path)));
    operations.extend(link.hop.down.as_ref().map(|path| function("down", path)));
    operations.extend(link.hop.manual.as_ref().map(|_| said("manual", "", None, &[])));
    let step = as_step(newer, link);
    let reversible = match link.hop.manual {
        Some(_) => generated! { #step::REVERSIBLE },
        None => {
            let reversible = link.one_way().is_none();
            quote!(#reversible)
        }
    };
    Hop {
        operations: generated! { ::std::vec![#(#operations),*] },
        reversible,
        class: generated! { #step::class(&mut ::shrine::__private::ClassContext::new()) },
    }
}

fn operation(operation: &Operation) -> TokenStream {
    let converters = |up: &Up, down: Option<&Expr>| {
        let up = match up {
            Up::Lossless => None,
            Up::By(_) => Some("up"),
            Up::Try(_) => Some("try_up"),
        };
        up.into_iter().chain(down.map(|_| "down")).collect::<Vec<_>>()
    };
    match operation {
        Operation::Rename { old, new } => said("rename", &plain(new), Some(plain(old)), &[]),
        Operation::Add { field, .. } => said("add", &plain(field), None, &[]),
        Operation::Remove(Removed { field, ty, down, .. }) => {
            said("remove", &plain(field), Some(of_type(ty)), &converters(&Up::Lossless, down.as_ref()))
        }
        Operation::Change { field, change } => {
            let converters = converters(&change.up, change.down.as_ref());
            said("change", &plain(field), Some(of_type(&change.ty)), &converters)
        }
        Operation::AddVariant { variant, down } => {
            said("add", &plain(variant), None, &converters(&Up::Lossless, down.as_ref()))
        }
        Operation::RemoveVariant(RemovedVariant { variant, up }) => {
            said("remove", &plain(&variant.ident), Some(variant.described()), &converters(up, None))
        }
        Operation::ChangeVariant(ChangedVariant { older, up, down }) => {
            let converters = converters(up, down.as_ref());
            said("change", &plain(&older.ident), Some(older.described()), &converters)
        }
    }
}

fn said(kind: &str, field: &str, detail: Option<String>, converters: &[&str]) -> TokenStream {
    let detail = match detail {
        None => generated! { ::core::option::Option::None },
        Some(detail) => generated! { ::core::option::Option::Some(#detail) },
    };
    generated! { ::shrine::__private::operation(#kind, #field, #detail, &[#(#converters),*]) }
}
