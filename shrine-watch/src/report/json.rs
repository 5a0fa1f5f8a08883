//! Events for programs: one JSON object a line, flushed at once.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;
use shrine::event::{EVENT_VERSION, Event};

/// Writes NDJSON.
#[derive(Debug)]
pub struct Json<W> {
    out: W,
    seq: u64,
}

/// A line. Its form is public: see `shrine::event`.
#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    seq: u64,
    t: String,
    #[serde(flatten)]
    event: &'a Event,
}

impl<W: Write> Json<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, seq: 0 }
    }

    /// What it writes to.
    pub fn output(&self) -> &W {
        &self.out
    }

    /// Writes a line.
    ///
    /// # Errors
    ///
    /// When the reader is gone.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        self.write(event, Timestamp::now())
    }

    fn write(&mut self, event: &Event, now: Timestamp) -> io::Result<()> {
        self.seq += 1;
        let line = Line { v: EVENT_VERSION, seq: self.seq, t: format!("{now:.6}"), event };
        let mut text = serde_json::to_string(&line).map_err(io::Error::other)?;
        text.push('\n');
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shrine::event::{Phases, Update};

    #[test]
    fn a_line_has_version_number_time_and_the_event() {
        let mut out = Vec::new();
        let mut json = Json::new(&mut out);
        json.write(&Event::Unchanged { generation: 7 }, Timestamp::UNIX_EPOCH).unwrap();
        json.write(&Event::Exit { code: 0 }, Timestamp::UNIX_EPOCH).unwrap();
        let lines = String::from_utf8(out).unwrap();
        let expected = "{\"v\":1,\"seq\":1,\"t\":\"1970-01-01T00:00:00.000000Z\",\"event\":\"unchanged\",\"generation\":7}\n\
                        {\"v\":1,\"seq\":2,\"t\":\"1970-01-01T00:00:00.000000Z\",\"event\":\"exit\",\"code\":0}\n";
        assert_eq!(lines, expected);
    }

    #[test]
    fn events_that_hold_a_struct_are_flat_too() {
        let mut out = Vec::new();
        let update = Update {
            generation: 2,
            build_id: "ab".into(),
            widgets: vec![],
            added: vec![],
            report: vec![],
            connections: shrine::event::ConnectionCounts::default(),
            phases_us: Phases { build: 5, ..Phases::default() },
        };
        Json::new(&mut out).event(&Event::Updated(update)).unwrap();
        let line: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(line["event"], "updated");
        assert_eq!(line["phases_us"]["build"], 5);
    }

    #[test]
    fn a_reader_that_is_gone_is_an_error() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = Json::new(Closed).event(&Event::Exit { code: 0 }).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
