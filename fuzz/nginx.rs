//! The load balancer beside nginx, from which an ALB descends: both get the same bytes, mutated from the seeds of
//! `fixtures/fuzz/head/`, and what each answers and passes on is compared. nginx is no ALB, so a difference is no mistake;
//! it is something to explain, and where nothing is known of ALB nginx's way is the better guess. They are counted by kind,
//! with an example of each.
//!
//! `fuzz/run SECONDS nginx`, which needs nginx.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Nobody on loopback needs longer to answer, and who does not answer at all is waited for this long.
const PATIENCE: Duration = Duration::from_millis(80);

/// What mutations put in: bytes and words that parsers care about.
const WORDS: &[&[u8]] = &[
    b" ",
    b"\t",
    b"\r",
    b"\n",
    b"\r\n",
    b"\0",
    b"\x7f",
    b"\xe9",
    b":",
    b"/",
    b"//",
    b"?",
    b"#",
    b"%",
    b"%zz",
    b"%00",
    b"*",
    b"..",
    b"\"",
    b"<",
    b"{",
    b"|",
    b"\\",
    b"^",
    b"HTTP/1.0",
    b"HTTP/1.1",
    b"HTTP/1.2",
    b"HTTP/2.0",
    b"http://h",
    b"CONNECT",
    b"TRACE",
    b"patch",
    b"Host: e.com\r\n",
    b"Host: a b\r\n",
    b"Content-Length: 0\r\n",
    b"Connection: close\r\n",
    b"X-Y: 1\r\n",
    b"x_y: 1\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: h2c\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"0\r\n\r\n",
    b"abc",
];

fn main() -> io::Result<()> {
    let seconds: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(60);
    let folder = std::env::temp_dir().join(format!("neargate-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let result = compare(Duration::from_secs(seconds), &folder);
    fs::remove_dir_all(&folder)?;
    result
}

fn compare(time: Duration, folder: &Path) -> io::Result<()> {
    let target = TcpListener::bind("127.0.0.1:0")?;
    let target_port = target.local_addr()?.port();
    thread::spawn(move || target.incoming().flatten().for_each(|stream| drop(thread::spawn(|| echo(stream)))));
    let (nginx_port, neargate_port) = (free_port()?, free_port()?);
    let _nginx = Running(start_nginx(folder, nginx_port, target_port)?);
    let _neargate = Running(start_neargate(folder, neargate_port, target_port)?);
    for port in [nginx_port, neargate_port] {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "nobody listens on port {port}");
            thread::yield_now();
        }
    }

    let seeds: Vec<Vec<u8>> =
        fs::read_dir("fixtures/fuzz/head")?.map(|entry| fs::read(entry?.path())).collect::<Result<_, _>>()?;
    let (mut random, mut tried) = (Random(0x9e37_79b9_7f4a_7c15), 0_u64);
    let mut kinds: BTreeMap<(String, String), (u64, Vec<u8>)> = BTreeMap::new();
    let end = Instant::now() + time;
    for round in 0.. {
        if Instant::now() >= end {
            break;
        }
        let seed = &seeds[round % seeds.len()];
        let input = if round < seeds.len() { seed.clone() } else { mutated(seed, &mut random) };
        let (theirs, ours) = (answer(nginx_port, &input), answer(neargate_port, &input));
        tried += 1;
        if theirs != ours {
            let kind = kinds.entry((theirs, ours)).or_insert((0, input));
            kind.0 += 1;
        }
    }
    println!("{tried} inputs, {} kinds of differences:", kinds.len());
    for ((theirs, ours), (count, example)) in kinds {
        let example: String = example.escape_ascii().to_string().chars().take(160).collect();
        println!("{count:6}  nginx {theirs:28} neargate {ours:28} {example}");
    }
    Ok(())
}

/// Answers every request with its own request line.
fn echo(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut part = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(count @ 1..) => head.extend_from_slice(&part[..count]),
            _ => return,
        }
    }
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default().escape_ascii().to_string();
    let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{line}", line.len());
    let _ = stream.write_all(response.as_bytes());
}

/// The status, or that there is none, and whether the target got the request line as it was sent.
fn answer(port: u16, input: &[u8]) -> String {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return "refused".to_owned() };
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let _ = stream.write_all(input);
    let (mut heard, mut part) = (Vec::new(), [0; 8192]);
    while let Ok(count @ 1..) = stream.read(&mut part) {
        heard.extend_from_slice(&part[..count]);
    }
    let text = String::from_utf8_lossy(&heard);
    let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    let Some(status) = status else { return if heard.is_empty() { "silent" } else { "no head" }.to_owned() };
    if status != "200" {
        return status.to_owned();
    }
    let sent = input.split(|&byte| byte == b'\n').find(|line| line.len() > 1).unwrap_or_default();
    let sent = sent.strip_suffix(b"\r").unwrap_or(sent).escape_ascii().to_string();
    let same = text.contains(&sent) || text.contains(&sent.replace("HTTP/1.0", "HTTP/1.1"));
    if same { "200, as sent".to_owned() } else { "200, changed".to_owned() }
}

fn mutated(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut input = seed.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(input.len() + 1);
        match random.below(4) {
            0 if at < input.len() => input[at] = random.below(256) as u8,
            1 if at < input.len() => drop(input.remove(at)),
            _ => {
                let word = WORDS[random.below(WORDS.len())];
                input.splice(at..at, word.iter().copied());
            }
        }
    }
    input
}

/// xorshift: the same inputs in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// Ends with the comparison.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn start_nginx(folder: &Path, port: u16, target: u16) -> io::Result<Child> {
    let path = folder.display();
    let config = format!(
        "daemon off; master_process off; pid {path}/pid; error_log {path}/error;\nevents {{}}\nhttp {{ access_log off;\n\
         client_body_temp_path {path}; proxy_temp_path {path}; fastcgi_temp_path {path}; uwsgi_temp_path {path}; \
         scgi_temp_path {path};\nserver {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{target}; \
         proxy_http_version 1.1; }} }} }}\n"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, config)?;
    Command::new("nginx").arg("-c").arg(file).stderr(Stdio::null()).spawn()
}

/// The binary beside this one, with a state folder of its own.
fn start_neargate(folder: &Path, port: u16, target: u16) -> io::Result<Child> {
    let config = format!(
        "name: fuzz\ndomain: e.com\nload_balancer:\n  listeners:\n    - {{ port: 80, protocol: HTTP, default_action: {{ forward: tg }} }}\n\
         target_groups:\n  tg: {{ port: {target}, targets: [ {{ address: 127.0.0.1, port: {target} }} ] }}\n"
    );
    let file = folder.join("neargate.yaml");
    fs::write(&file, config)?;
    let binary: PathBuf = std::env::current_exe()?.with_file_name("neargate");
    Command::new(binary)
        .args(["up", "-f"])
        .arg(file)
        .args(["--listen", &format!("80={port}")])
        .env("XDG_STATE_HOME", folder)
        .env("XDG_DATA_HOME", folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
