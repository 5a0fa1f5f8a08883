//! Two ports, and how they are connected.

use std::fmt;
use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shrine::registry::{ConnectOptions, Overflow};

/// Options, for people.
pub(super) const EXAMPLE: &str = r#"{"mode": "port"} or {"mode": "stream", "capacity": 64, "overflow": "drop_oldest", "transform": "doubled"}"#;

/// A connection to be made or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wire {
    /// `instance.port`
    pub source: String,
    /// `instance.port`
    pub target: String,
    #[serde(default, skip_serializing_if = "WireOptions::is_default")]
    options: WireOptions,
}

/// As somebody writes them; what is left out has its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WireOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<WireMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<NonZeroUsize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overflow: Option<Overflow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transform: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WireMode {
    Port,
    Stream,
}

impl WireOptions {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Wire {
    /// The error says what is wrong with the options.
    pub(super) fn new(source: String, target: String, options: Option<Value>) -> Result<Self, String> {
        let options: WireOptions = match options {
            None => WireOptions::default(),
            // serde would take a list for a struct.
            Some(value) if !value.is_object() => return Err("options are a JSON object".to_owned()),
            Some(value) => serde_json::from_value(value).map_err(|error| error.to_string())?,
        };
        let is_stream = options.capacity.is_some() || options.overflow.is_some();
        if options.mode == Some(WireMode::Port) && is_stream {
            let reason = "a port holds the latest message alone: `capacity` and `overflow` are for streams";
            return Err(reason.to_owned());
        }
        Ok(Self { source, target, options })
    }

    /// As the registry takes them.
    #[must_use]
    pub fn options(&self) -> ConnectOptions {
        let WireOptions { mode, capacity, overflow, transform } = &self.options;
        let mut options = match mode {
            Some(WireMode::Port) => ConnectOptions::port(),
            Some(WireMode::Stream) | None => ConnectOptions::stream(),
        };
        if let Some(messages) = capacity {
            options = options.capacity(messages.get());
        }
        if let Some(overflow) = overflow {
            options = options.overflow(*overflow);
        }
        match transform {
            Some(name) => options.transform(name),
            None => options,
        }
    }
}

/// As in a command.
impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.source, self.target)?;
        if self.options.is_default() {
            return Ok(());
        }
        write!(f, " {}", serde_json::to_string(&self.options).map_err(|_| fmt::Error)?)
    }
}
