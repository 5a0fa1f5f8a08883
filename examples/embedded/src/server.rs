//! Clients and their connections: lines come in, replies go out. What they mean is not decided here.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use embedded_store::Request;
use shrine::registry::Inbox;

/// How many bytes a line may have.
const LINE_LIMIT: u64 = 64 * 1024;

/// How long a client may take to accept a reply.
const PATIENCE: Duration = Duration::from_secs(1);

/// The connections, by the numbers of their clients.
#[derive(Debug, Default)]
struct Clients(Mutex<HashMap<u64, TcpStream>>);

/// A server that listens.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    clients: Arc<Clients>,
}

impl Server {
    /// Listens, and sends what clients say to `inbox`. Port 0 is any that is free.
    pub(crate) fn start(address: &str, inbox: Inbox) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let server = Self { address: listener.local_addr()?, clients: Arc::default() };
        let clients = Arc::clone(&server.clients);
        std::thread::spawn(move || accept(&listener, &clients, &inbox));
        Ok(server)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells a client something, if it is still there.
    pub(crate) fn reply(&self, client: u64, text: &str, is_last: bool) {
        let mut clients = self.clients.all();
        let is_told = clients.get_mut(&client).is_some_and(|stream| write(stream, text).is_ok());
        if is_last || !is_told {
            drop(clients.remove(&client).map(|stream| stream.shutdown(Shutdown::Both)));
        }
    }

    /// Ends all connections.
    pub(crate) fn close(&self) {
        for (_, stream) in self.clients.all().drain() {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Clients {
    /// Nothing panics while it holds the lock, so what it protects is whole.
    fn all(&self) -> MutexGuard<'_, HashMap<u64, TcpStream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: &TcpListener, clients: &Arc<Clients>, inbox: &Inbox) {
    for (client, stream) in (1..).zip(listener.incoming()) {
        let (clients, inbox) = (Arc::clone(clients), inbox.clone());
        std::thread::spawn(move || {
            let served = stream.and_then(|stream| serve(client, stream, &clients, &inbox));
            if let Err(error) = served {
                println!("client {client}: {error}");
                clients.all().remove(&client);
            }
        });
    }
}

/// Passes on what a client says until it has nothing more to say.
fn serve(client: u64, stream: TcpStream, clients: &Clients, inbox: &Inbox) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    stream.set_write_timeout(Some(PATIENCE))?;
    clients.all().insert(client, stream);
    let send =
        |line: String| inbox.send("store.request", &Request { client, line }).map_err(io::Error::other);
    while let Some(line) = read_line(&mut lines)? {
        send(line)?;
    }
    // The requests before it are answered first; then the connection ends.
    send("QUIT".to_owned())
}

/// The next line; none at the end.
fn read_line(lines: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    match lines.take(LINE_LIMIT).read_until(b'\n', &mut line)? {
        0 => Ok(None),
        length if length as u64 == LINE_LIMIT => Err(io::Error::other("its line is too long")),
        _ => Ok(Some(String::from_utf8_lossy(&line).trim().to_owned())),
    }
}

fn write(stream: &mut TcpStream, text: &str) -> io::Result<()> {
    stream.write_all(format!("{text}\n").as_bytes())
}
