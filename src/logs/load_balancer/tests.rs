//! From a sink to a file and back.

use super::files::LogFiles;
use super::reader::RecordReader;
use super::*;

struct Plain(&'static str);

impl LogLine for Plain {
    fn write(&self, names: Names<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("http 2026-01-01T00:00:00Z {} {}", names.id, self.0).as_bytes());
    }
}

fn delivered(prefix: &str) -> LogDelivery {
    LogDelivery { bucket: "logs".into(), prefix: prefix.into(), gzip: false }
}

fn table(access_logs: Option<LogDelivery>) -> Arc<RoutingTable> {
    let attributes = LoadBalancerAttributes { access_logs, ..LoadBalancerAttributes::default() };
    Arc::new(RoutingTable { load_balancer_id: "app/a/1".into(), attributes, ..RoutingTable::empty() })
}

fn texts(reader: &mut RecordReader) -> Vec<String> {
    reader.read().unwrap().into_iter().map(|line| line.text).collect()
}

#[test]
fn what_sinks_take_stands_in_files_when_they_are_gone() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("s3");
    let (publish, tables) = watch::channel(table(Some(delivered("p"))));
    let (access, queue) = Sink::bounded(QUEUE);
    let (connections, connection_queue) = Sink::<Plain>::bounded(1);
    let (checks, check_queue) = Sink::<Plain>::bounded(1);
    let queues = Queues { access: queue, connection: connection_queue, health_check: check_queue };
    let thread = start(folder.clone(), tables, queues, Tap::new()).unwrap();
    // Not enabled in the table, so not written.
    connections.accept(Plain("nobody asked"));
    for word in ["one", "two", "three"] {
        access.accept(Plain(word));
    }
    drop((access, connections, checks));
    thread.join().unwrap();
    drop(publish);

    let mut reader = RecordReader::new(&folder, LogKind::Access, None);
    let expected: Vec<_> =
        ["one", "two", "three"].iter().map(|word| format!("http 2026-01-01T00:00:00Z app/a/1 {word}")).collect();
    assert_eq!(texts(&mut reader), expected);
    assert!(texts(&mut reader).is_empty());
    assert!(texts(&mut RecordReader::new(&folder, LogKind::Connection, None)).is_empty());
    assert!(folder.join("logs/p/AWSLogs/111122223333/elasticloadbalancing/us-east-1").is_dir());
}

#[test]
fn a_new_interval_or_another_prefix_begins_a_new_file() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("s3");
    let mut files = LogFiles::new(folder.clone(), LogKind::Access);
    let mut append = |prefix: &str, now: &str, line: &str| {
        files.append(&delivered(prefix), "app/a/1", None, now.parse().unwrap(), line.as_bytes()).unwrap();
    };
    append("", "2026-01-01T00:00:00Z", "http 2026-01-01T00:00:00Z one\n");
    append("", "2026-01-01T00:04:59Z", "http 2026-01-01T00:04:59Z two\n");
    append("", "2026-01-01T00:05:00Z", "http 2026-01-01T00:05:00Z three\n");
    append("p", "2026-01-01T00:05:01Z", "http 2026-01-01T00:05:01Z four\n");
    let mut names = Vec::new();
    for day in ["logs/AWSLogs", "logs/p/AWSLogs"] {
        let day = folder.join(day).join("111122223333/elasticloadbalancing/us-east-1/2026/01/01");
        names.extend(std::fs::read_dir(day).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()));
    }
    names.sort();
    let ends: Vec<_> = names.iter().map(|name| name.split('_').nth(4).unwrap()).collect();
    assert_eq!(ends, ["20260101T0005Z", "20260101T0010Z", "20260101T0010Z"]);
    assert_eq!(texts(&mut RecordReader::new(&folder, LogKind::Access, None)).len(), 4);
}

#[test]
fn a_finished_file_is_compressed_and_read_on_from_where_the_plain_one_was_left() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("s3");
    let mut files = LogFiles::new(folder.clone(), LogKind::Access);
    let mut reader = RecordReader::new(&folder, LogKind::Access, None);
    let delivery = LogDelivery { gzip: true, ..delivered("") };
    let append = |files: &mut LogFiles, now: &str, word: &str| {
        let line = format!("http {now} {word}\n");
        files.append(&delivery, "app/a/1", None, now.parse().unwrap(), line.as_bytes()).unwrap();
    };
    append(&mut files, "2026-01-01T00:00:00Z", "one");
    assert_eq!(files.closes_at(), Some("2026-01-01T00:05:00Z".parse().unwrap()));
    assert_eq!(texts(&mut reader), ["http 2026-01-01T00:00:00Z one"]);
    append(&mut files, "2026-01-01T00:00:01Z", "two");
    append(&mut files, "2026-01-01T00:05:00Z", "three");
    assert_eq!(texts(&mut reader), ["http 2026-01-01T00:00:01Z two", "http 2026-01-01T00:05:00Z three"]);
    files.close().unwrap();
    assert_eq!(files.closes_at(), None);
    assert!(texts(&mut reader).is_empty());
    assert_eq!(texts(&mut RecordReader::new(&folder, LogKind::Access, None)).len(), 3);
    let day = folder.join("logs/AWSLogs/111122223333/elasticloadbalancing/us-east-1/2026/01/01");
    let names: Vec<_> = std::fs::read_dir(day).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(names.len() == 2 && names.iter().all(|name| name.to_str().unwrap().ends_with(".log.gz")), "{names:?}");
}

#[test]
fn nothing_is_left_behind_when_the_state_folder_is_gone() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("project/s3");
    let mut files = LogFiles::new(folder.clone(), LogKind::Access);
    assert!(files.append(&delivered(""), "app/a/1", None, Timestamp::now(), b"line\n").is_err());
    assert!(!folder.exists());
}

#[tokio::test]
async fn sinks_are_open_while_the_table_says_so_or_somebody_listens() {
    let (publish, tables) = watch::channel(table(None));
    let (access, _queue) = Sink::<()>::bounded(1);
    let (other, _queue) = Sink::<()>::bounded(1);
    let tap = Tap::new();
    let following = tokio::spawn(follow(tables, access.clone(), other.clone(), other.clone(), tap.clone()));
    let until = async |open| {
        while access.is_open() != open {
            tokio::task::yield_now().await;
        }
    };
    until(false).await;
    publish.send(table(Some(delivered("")))).unwrap();
    until(true).await;
    assert!(!other.is_open());
    publish.send(table(None)).unwrap();
    until(false).await;
    let listening = tap.listen();
    until(true).await;
    assert!(!other.is_open());
    drop(listening);
    until(false).await;
    following.abort();
}
