//! A small HTTP server with the faults of real ones.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How it behaves for one path.
#[derive(Clone)]
pub enum Answer {
    /// By range where asked, 416 beyond the end.
    Whole(Vec<u8>),
    /// Closes after so many bytes the first time; then as `Whole`.
    Closes(Vec<u8>, usize),
    /// Knows no ranges.
    Plain(Vec<u8>),
}

/// Where it listens, and the `PATH FIRST-BYTE` of each request.
pub struct Server {
    pub url: String,
    pub log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn new(answers: impl IntoIterator<Item = (String, Answer)>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (answers, log): (BTreeMap<_, _>, _) = (
            answers.into_iter().collect(),
            Arc::<Mutex<Vec<String>>>::default(),
        );
        let seen = log.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // who hangs up early is no fault of this server
                let _ = answer(stream, &answers, &seen);
            }
        });
        Server { url, log }
    }

    pub fn asked(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

fn answer(
    mut stream: TcpStream,
    answers: &BTreeMap<String, Answer>,
    log: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?)
        .lines()
        .map_while(Result::ok);
    let lines: Vec<String> = lines.take_while(|l| !l.is_empty()).collect();
    let Some(path) = lines.first().and_then(|l| l.split(' ').nth(1)) else {
        return Ok(());
    };
    let range = lines.iter().find_map(|l| {
        l.to_lowercase()
            .strip_prefix("range: bytes=")?
            .split('-')
            .next()?
            .parse::<usize>()
            .ok()
    });
    let first = {
        let mut log = log.lock().unwrap();
        let first = !log.iter().any(|l| l.split(' ').next() == Some(path));
        log.push(format!("{path} {}", range.unwrap_or(0)));
        first
    };
    let mut send = |status: &str, more: &str, length: usize, body: &[u8]| {
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{more}connection: close\r\n\r\n"
        )?;
        stream.write_all(body)
    };
    match (answers.get(path), range) {
        (None, _) => send("404 Not Found", "", 0, b""),
        (Some(Answer::Closes(body, at)), None) if first => {
            send("200 OK", "", body.len(), &body[..*at])
        }
        (Some(Answer::Plain(body)), _)
        | (Some(Answer::Whole(body) | Answer::Closes(body, _)), None) => {
            send("200 OK", "", body.len(), body)
        }
        (Some(Answer::Whole(body) | Answer::Closes(body, _)), Some(from)) if from >= body.len() => {
            send(
                "416 Range Not Satisfiable",
                &format!("content-range: bytes */{}\r\n", body.len()),
                0,
                b"",
            )
        }
        (Some(Answer::Whole(body) | Answer::Closes(body, _)), Some(from)) => {
            let more = format!(
                "content-range: bytes {from}-{}/{}\r\n",
                body.len() - 1,
                body.len()
            );
            send(
                "206 Partial Content",
                &more,
                body.len() - from,
                &body[from..],
            )
        }
    }
}
