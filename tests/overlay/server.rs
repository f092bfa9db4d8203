//! A small HTTP server with faults.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How the little server behaves for one path.
#[derive(Clone)]
pub enum Answer {
    Whole(Vec<u8>),
    /// Cut off after so many bytes the first time; then by range.
    Cut(Vec<u8>, usize),
    /// Cut off after so many bytes the first time; then whole, whatever is asked for.
    CutThenWhole(Vec<u8>, usize),
    /// 503 the first time.
    Busy(Vec<u8>),
    /// By range too, of what the tag names.
    Ranged(Vec<u8>),
    /// 429 the first time, with this `Retry-After`.
    Limited(Vec<u8>, &'static str),
    /// After a while.
    Slow(Vec<u8>),
    /// Sends on to another URL.
    Moved(String),
    /// Nothing but a status line.
    Status(&'static str),
    /// More and more, of no stated length.
    Endless,
    /// Knows no HEAD.
    GetOnly(Vec<u8>),
    /// Wants a token of another server's.
    GuardedBy(String, Vec<u8>),
    /// Wants a token, which it also hands out.
    Guarded(Vec<u8>),
}

pub struct Server {
    pub url: String,
    pub log: Arc<Mutex<Vec<String>>>,
}

pub fn serve(answers: Vec<(String, Answer)>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let log = Arc::new(Mutex::new(vec![]));
    let (answers, base, seen): (BTreeMap<_, _>, _, _) =
        (answers.into_iter().collect(), url.clone(), log.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), &answers, &base, &seen);
        }
    });
    Server { url, log }
}

/// What was asked.
struct Asked {
    path: String,
    /// First byte wanted.
    from: Option<usize>,
    /// Of what the server has.
    same: bool,
    authorised: bool,
    head: bool,
    /// How often this path was asked for before.
    before: usize,
}

fn asked(stream: &TcpStream, log: &Mutex<Vec<String>>) -> Option<Asked> {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let first = lines.next()?.ok()?;
    let head = first.starts_with("HEAD ");
    let path = first.split(' ').nth(1).unwrap().to_owned();
    let lines = lines.map_while(Result::ok).take_while(|l| !l.is_empty());
    let headers: Vec<String> = lines.map(|l| l.to_lowercase()).collect();
    let range = headers.iter().find_map(|l| l.strip_prefix("range: bytes="));
    let from = range.map(|range| range.split('-').next().unwrap().parse().unwrap());
    let mut log = log.lock().unwrap();
    let before = log.iter().filter(|l| l.starts_with(&path)).count();
    log.push(format!("{path} {from:?}"));
    Some(Asked {
        same: headers.contains(&"if-range: \"1\"".to_owned()),
        authorised: headers.contains(&"authorization: bearer secret".to_owned()),
        path,
        head,
        from,
        before,
    })
}

fn answer(
    mut stream: TcpStream,
    answers: &BTreeMap<String, Answer>,
    base: &str,
    log: &Mutex<Vec<String>>,
) {
    let Some(asked) = asked(&stream, log) else {
        return;
    };
    let mut send = |status: &str, length: usize, more: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{more}");
        let end = "connection: close\r\netag: \"1\"\r\n\r\n";
        stream.write_all((head + end).as_bytes()).unwrap();
        let _ = stream.write_all(if asked.head { b"" } else { body });
    };
    match answers.get(&asked.path) {
        _ if asked.path.starts_with("/token?") => {
            send("200 OK", 19, "", br#"{"token": "secret"}"#);
        }
        None => send("404 Not Found", 0, "", b""),
        Some(Answer::Status(status)) => send(status, 0, "", b""),
        Some(Answer::Endless) => {
            let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
            stream.write_all(head.as_bytes()).unwrap();
            while stream.write_all(&vec![b'x'; 1 << 16]).is_ok() {}
        }
        Some(Answer::Moved(to)) => send("302 Found", 0, &format!("location: {to}\r\n"), b""),
        Some(Answer::GetOnly(_)) if asked.head => send("405 Method Not Allowed", 0, "", b""),
        Some(Answer::Limited(_, after)) if asked.before == 0 => {
            let body = br#"{"errors":[{"code":"TOOMANYREQUESTS","message":"toomanyrequests"}]}"#;
            let more = format!("retry-after: {after}\r\n");
            send("429 Too Many Requests", body.len(), &more, body);
        }
        Some(Answer::Busy(_)) if asked.before == 0 => send("503 Busy", 0, "", b""),
        Some(Answer::CutThenWhole(body, at)) => {
            let end = if asked.before == 0 { *at } else { body.len() };
            send("200 OK", body.len(), "", &body[..end]);
        }
        Some(Answer::Cut(body, at)) => match asked.from {
            None => send("200 OK", body.len(), "", &body[..*at]),
            Some(from) => {
                let (last, all) = (body.len() - 1, body.len());
                let more = format!("content-range: bytes {from}-{last}/{all}\r\n");
                send("206 Partial Content", all - from, &more, &body[from..]);
            }
        },
        Some(Answer::Ranged(body)) if asked.same && asked.from > Some(body.len()) => {
            send("416 Range Not Satisfiable", 0, "", b"");
        }
        Some(Answer::Ranged(body)) if asked.same => {
            let from = asked.from.unwrap_or_default();
            let (last, all) = (body.len() - 1, body.len());
            let more = format!("content-range: bytes {from}-{last}/{all}\r\n");
            send("206 Partial Content", all - from, &more, &body[from..]);
        }
        Some(Answer::Slow(body)) => {
            std::thread::sleep(std::time::Duration::from_millis(300));
            send("200 OK", body.len(), "", body);
        }
        Some(Answer::GuardedBy(other, _)) if !asked.authorised => {
            let fields = format!("realm=\"{other}/token\",service=\"demo\",scope=\"pull\"");
            let more = format!("www-authenticate: Bearer {fields}\r\n");
            send("401 Unauthorized", 0, &more, b"");
        }
        Some(Answer::Guarded(_)) if !asked.authorised => {
            let fields = format!("realm=\"{base}/token\",service=\"demo\",scope=\"pull\"");
            let more = format!("www-authenticate: Bearer {fields}\r\n");
            send("401 Unauthorized", 0, &more, b"");
        }
        Some(
            Answer::Whole(body)
            | Answer::Busy(body)
            | Answer::Limited(body, _)
            | Answer::GetOnly(body)
            | Answer::Guarded(body)
            | Answer::GuardedBy(_, body)
            | Answer::Ranged(body),
        ) => {
            send("200 OK", body.len(), "", body);
        }
    }
}
