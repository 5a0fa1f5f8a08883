//! What a widget is called and what its methods do.

use proc_macro2::{Ident, Span};
use syn::{LitStr, Type};

use crate::names::plain;
use crate::version::Version;

/// The options of `#[widget]` on a struct.
pub(crate) struct Identity {
    pub(crate) id: Option<LitStr>,
    pub(crate) version: Option<Version>,
}

impl Identity {
    /// How messages call the widget.
    pub(crate) fn label(&self, ident: &Ident) -> String {
        self.id
            .as_ref()
            .map_or_else(|| format!("widget `{}`", plain(ident)), |id| format!("widget `{}`", id.value()))
    }
}

/// What the host may call.
#[derive(Default)]
pub(crate) struct Behaviour {
    pub(crate) inputs: Vec<Input>,
    pub(crate) timers: Vec<Timer>,
    /// The output ports, in the order in which they are first mentioned.
    pub(crate) outputs: Vec<Output>,
    pub(crate) view: Option<Ident>,
    pub(crate) hooks: Vec<HookMethod>,
}

pub(crate) struct HookMethod {
    pub(crate) hook: Hook,
    pub(crate) method: Ident,
    pub(crate) parameters: Vec<HookParameter>,
}

/// A parameter of a hook, in the order of the signature, with the place of its type, for the compiler to point at.
#[derive(Clone, Copy)]
pub(crate) enum HookParameter {
    Context(Span),
    Inbox(Span),
}

pub(crate) struct Input {
    pub(crate) method: Ident,
    /// What the port was called before.
    pub(crate) was: Vec<LitStr>,
    pub(crate) parameters: Vec<Parameter>,
}

pub(crate) struct Timer {
    pub(crate) method: Ident,
    /// In nanoseconds.
    pub(crate) period: u64,
    pub(crate) parameters: Vec<Parameter>,
}

/// A parameter of a handler, in the order of the signature.
pub(crate) enum Parameter {
    Message(Type),
    Output(Output),
    /// The place of its type.
    Inbox(Span),
}

#[derive(Clone)]
pub(crate) struct Output {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    /// What the port was called before.
    pub(crate) was: Vec<LitStr>,
}

/// A method that the host calls when an instance begins, ends or is updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    BeforeUpdate,
    AfterUpdate,
    UpdateFailed,
    Started,
    Stopped,
}

impl Hook {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BeforeUpdate => "before_update",
            Self::AfterUpdate => "after_update",
            Self::UpdateFailed => "update_failed",
            Self::Started => "started",
            Self::Stopped => "stopped",
        }
    }

    /// Whether it belongs to an update, whose context it may take.
    pub(crate) fn is_of_update(self) -> bool {
        !matches!(self, Self::Started | Self::Stopped)
    }
}

/// What an attribute makes of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Input,
    Every,
    View,
    Hook(Hook),
}

impl Role {
    pub(crate) const ALL: [Self; 8] = [
        Self::Input,
        Self::Every,
        Self::View,
        Self::Hook(Hook::BeforeUpdate),
        Self::Hook(Hook::AfterUpdate),
        Self::Hook(Hook::UpdateFailed),
        Self::Hook(Hook::Started),
        Self::Hook(Hook::Stopped),
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Every => "every",
            Self::View => "view",
            Self::Hook(hook) => hook.name(),
        }
    }

    /// A signature that fits, for messages.
    pub(crate) fn form(self, method: &str) -> String {
        match self {
            Self::Input => format!("fn {method}(&mut self, message: T, out: &mut Output<U>)"),
            Self::Every => format!("fn {method}(&mut self, out: &mut Output<U>)"),
            Self::View => format!("fn {method}(&self) -> String"),
            Self::Hook(hook) if hook.is_of_update() => format!("fn {method}(&mut self, cx: &UpdateContext)"),
            Self::Hook(_) => format!("fn {method}(&mut self, inbox: &Inbox)"),
        }
    }
}
