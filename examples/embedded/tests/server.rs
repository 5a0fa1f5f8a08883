//! The server as a client sees it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running server. It is ended if the test fails.
struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Server {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_embedded"));
        let mut child = command.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().expect("starts");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("says where it listens");
        let address = line.trim().strip_prefix("listening on ").expect(&line).to_owned();
        Self { child, output, address }
    }

    fn client(&self) -> Client {
        let stream = TcpStream::connect(&self.address).expect("connects");
        Client { replies: BufReader::new(stream.try_clone().expect("clones")), stream }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Client {
    stream: TcpStream,
    replies: BufReader<TcpStream>,
}

impl Client {
    fn say(&mut self, lines: &str) {
        self.stream.write_all(lines.as_bytes()).expect("sends");
    }

    /// The next line; nothing at the end.
    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.replies.read_line(&mut line).expect("answers");
        line.trim_end().to_owned()
    }
}

#[test]
fn it_serves_its_clients_and_ends_when_it_is_told_to() {
    let mut server = Server::start();
    let (mut one, mut other) = (server.client(), server.client());
    one.say("SET name Ada\n");
    assert_eq!(one.hear(), "OK");
    other.say("GET name\r\nINCR visits\nSTATS\nQUIT\n");
    assert_eq!((other.hear().as_str(), other.hear().as_str()), ("Ada", "1"));
    let (stats, bye) = (other.hear(), other.hear());
    assert!(stats.contains("GET 1, INCR 1"), "{stats}");
    assert_eq!((bye.as_str(), other.hear().as_str()), ("BYE", ""));

    // One that says all it has to say at once gets all its answers.
    let mut third = server.client();
    third.say("GET visits\nGET name");
    third.stream.shutdown(std::net::Shutdown::Write).expect("ends");
    assert_eq!([third.hear(), third.hear(), third.hear(), third.hear()], ["1", "Ada", "BYE", ""]);

    let status = Command::new("kill").args(["-TERM", &server.child.id().to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()));
    assert!(server.child.wait().expect("ends").success());
    assert_eq!(one.hear(), "", "its connection has ended");
    let mut last = String::new();
    server.output.read_line(&mut last).expect("says goodbye");
    assert_eq!(last, "ended with 2 keys\n");
}

#[test]
fn an_address_that_is_none_is_an_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_embedded")).arg("nowhere").output().expect("runs");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot listen on nowhere"), "{output:?}");
}
