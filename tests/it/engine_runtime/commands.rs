//! Commands in running containers.

use bytes::Bytes;
use neargate::control::runtime::{Runtime as _, TaskSpec};
use neargate::runtime::docker::{ExecRequest, ExecSettings, Streams};
use tokio::sync::mpsc;

use super::world::{World, name, task};

async fn exec(
    world: &World,
    task: &TaskSpec,
    command: &[&str],
    input: Option<&str>,
    tty: bool,
) -> (i64, String, String) {
    let request = ExecRequest {
        task: task.id.clone(),
        container: name("web"),
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        tty,
        settings: ExecSettings::default(),
    };
    let (sender, receiver) = mpsc::channel(4);
    if let Some(input) = input {
        sender.send(Bytes::from(input.to_owned())).await.unwrap();
    }
    drop(sender);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let stdin = input.is_some().then_some(receiver);
    let streams = Streams { stdin, stdout: &mut out, stderr: &mut err, sizes: tty.then(a_small_terminal) };
    let code = world.runtime.exec(&request, streams).await.unwrap();
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// 77 columns, 20 rows.
fn a_small_terminal() -> mpsc::Receiver<(u16, u16)> {
    let (sender, receiver) = mpsc::channel(1);
    sender.try_send((77, 20)).unwrap();
    receiver
}

#[tokio::test]
async fn a_command_gets_its_streams_and_returns_its_exit_code() {
    let Some(world) = World::new().await else { return };
    let task = task(vec![world.container("web", "sleep 600")]);
    world.run(&task).await;
    let result = exec(&world, &task, &["sh", "-c", "echo out; echo err >&2; exit 42"], None, false).await;
    assert_eq!(result, (42, "out\n".to_owned(), "err\n".to_owned()));

    let result = exec(&world, &task, &["sh", "-c", "wc -c; echo done"], Some("12345"), false).await;
    assert_eq!(result, (0, "5\ndone\n".to_owned(), String::new()), "the end of input is passed on");

    let (code, out, _) = exec(&world, &task, &["sh", "-c", "test -t 1 && echo terminal"], None, true).await;
    assert_eq!((code, out.trim_end()), (0, "terminal"));

    let wait_for_size = "until [ \"$(stty size 2>/dev/null)\" = '20 77' ]; do sleep 0.02; done; echo resized";
    let (code, out, _) = exec(&world, &task, &["sh", "-c", wait_for_size], None, true).await;
    assert_eq!((code, out.trim_end()), (0, "resized"));

    let (code, out, err) = exec(&world, &task, &["no-such-program"], None, false).await;
    assert!(matches!(code, 126 | 127), "{code}");
    assert!(format!("{out}{err}").contains("executable file not found"), "{out}{err}");
}

#[tokio::test]
async fn a_container_that_is_not_running_is_named() {
    let Some(world) = World::new().await else { return };
    let task = task(vec![world.container("web", "true")]);
    world.run(&task).await;
    world.lines(&task, &name("web")).await;
    let request = ExecRequest {
        task: task.id.clone(),
        container: name("web"),
        command: vec!["true".to_owned()],
        tty: false,
        settings: ExecSettings::default(),
    };
    let refused = async || {
        let streams = Streams { stdin: None, stdout: tokio::io::sink(), stderr: tokio::io::sink(), sizes: None };
        world.runtime.exec(&request, streams).await.unwrap_err().to_string()
    };
    assert_eq!(refused().await, "the container web is not running");
    world.runtime.close_task(&task.id).await.unwrap();
    assert_eq!(refused().await, "the container web is not running");
}
