//! A task's namespace, its members, and what they see.

use std::time::{Duration, Instant};

use neargate::control::runtime::{Reach, Runtime as _, RuntimeError};
use neargate::model::Redacted;
use neargate::model::task_definition::{MountPoint, PortMapping, Ulimit};
use neargate::runtime::docker::ReachMode;

use super::world::{World, name, refusal, task};

#[tokio::test]
async fn containers_of_a_task_share_localhost_and_an_address_and_tasks_do_not() {
    let Some(world) = World::new().await else { return };
    let server = world.container("api", "while true; do echo answer | nc -l -p 8000; done");
    let client = world.container(
        "web",
        "until nc 127.0.0.1 8000 </dev/null; do :; done; hostname -i; hostname; cat /etc/hosts; cat /etc/resolv.conf",
    );
    let first = task(vec![server, client]);
    let network = world.run(&first).await;
    let lines: Vec<String> = world.lines(&first, &name("web")).await.into_iter().map(|line| line.text).collect();
    let address = network.address.to_string();
    let host = format!("ip-{}.ec2.internal", address.replace('.', "-"));
    assert_eq!(lines[..3], ["answer".to_owned(), address.clone(), host.clone()]);
    assert!(lines.iter().any(|line| line.starts_with("127.0.0.1") && line.contains("localhost")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with(&address) && line.contains(&host)), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("search ec2.internal")), "{lines:?}");

    let second = task(vec![world.container("web", "nc 127.0.0.1 8000 </dev/null || echo alone; hostname -i")]);
    let other = world.run(&second).await;
    let lines: Vec<String> = world.lines(&second, &name("web")).await.into_iter().map(|line| line.text).collect();
    assert!(lines.contains(&"alone".to_owned()), "{lines:?}");
    assert_ne!(network.address, other.address);
    assert!(lines.contains(&other.address.to_string()));
}

#[tokio::test]
async fn a_task_can_be_reached_directly_or_through_published_ports() {
    for mode in [ReachMode::Auto, ReachMode::Published] {
        let Some(world) = World::with(|options| options.reach = mode).await else { return };
        let mut server = world.container("api", "while true; do echo answer | nc -l -p 8000; done");
        server.port_mappings = vec![PortMapping::tcp(8000)];
        let task = task(vec![server]);
        let network = world.run(&task).await;
        if mode == ReachMode::Published {
            assert!(matches!(&network.reach, Reach::Published(ports) if ports.len() == 1), "{network:?}");
            assert!(network.dial(8000).unwrap().ip().is_loopback());
        }
        let dial = network.dial(8000).unwrap();
        let answer = super::world::answer_of(dial).await;
        assert_eq!(answer, "answer\n", "{mode:?}");
    }
}

#[tokio::test]
async fn the_container_has_the_settings_of_its_definition() {
    let Some(world) = World::new().await else { return };
    let mut web =
        world.container("web", "echo $A-$SECRET-$AWS_EXECUTION_ENV-$AWS_REGION; id -u; pwd; ulimit -n; touch /x 2>&1");
    web.environment.insert("A".to_owned(), "1 2".to_owned());
    web.user = Some("1234:99".to_owned());
    web.working_directory = Some("/tmp".to_owned());
    web.readonly_root_filesystem = true;
    web.ulimits = vec![Ulimit { name: "nofile".to_owned(), soft_limit: 4321, hard_limit: 5432 }];
    let mut task = task(vec![web]);
    task.secrets.entry(name("web")).or_default().insert("SECRET".to_owned(), Redacted::new("s"));
    world.run(&task).await;
    let lines: Vec<String> = world.lines(&task, &name("web")).await.into_iter().map(|line| line.text).collect();
    assert_eq!(lines[..4], ["1 2-s-AWS_ECS_FARGATE-us-east-1", "1234", "/tmp", "4321"]);
    assert!(lines[4].contains("Read-only file system"), "{lines:?}");
}

#[tokio::test]
async fn this_machine_has_a_name_in_the_task_only_on_request() {
    for asked in [false, true] {
        let Some(world) = World::with(|options| options.host_gateway = asked).await else { return };
        let hosts = world.output(world.container("web", "cat /etc/hosts")).await;
        assert_eq!(hosts.iter().any(|line| line.contains("host.docker.internal")), asked, "{hosts:?}");
    }
}

#[tokio::test]
async fn an_entry_point_without_command_drops_the_images_command() {
    let Some(world) = World::new().await else { return };
    let mut web = world.container("web", "");
    web.entry_point = Some(vec!["echo".to_owned(), "alone".to_owned()]);
    web.command = None;
    assert_eq!(world.output(web).await, ["alone"]);
}

#[tokio::test]
async fn volumes_belong_to_the_task() {
    let Some(world) = World::new().await else { return };
    let mount = |read_only| MountPoint { source_volume: "v".to_owned(), container_path: "/v".to_owned(), read_only };
    let mut writer = world.container("writer", "echo shared >/v/file; sleep 600");
    writer.mount_points = vec![mount(false)];
    let mut reader = world.container("reader", "until cat /v/file; do :; done; touch /v/x || echo read-only");
    reader.mount_points = vec![mount(true)];
    let mut task = task(vec![writer, reader]);
    std::sync::Arc::make_mut(&mut task.definition).volumes =
        vec![neargate::model::task_definition::Volume::of_task("v")];
    world.run(&task).await;
    let lines: Vec<String> = world.lines(&task, &name("reader")).await.into_iter().map(|line| line.text).collect();
    assert!(lines.contains(&"shared".to_owned()) && lines.contains(&"read-only".to_owned()), "{lines:?}");
    world.runtime.close_task(&task.id).await.unwrap();
    let volumes = world
        .docker()
        .list_volumes(None::<bollard::query_parameters::ListVolumesOptions>)
        .await
        .unwrap()
        .volumes
        .unwrap_or_default();
    let prefix = format!("neargate-{}", world.options().project);
    assert!(!volumes.iter().any(|volume| volume.name.starts_with(&prefix)), "{volumes:?}");
}

#[tokio::test]
async fn stopping_takes_as_long_as_the_application_but_at_most_the_stop_timeout() {
    let Some(world) = World::new().await else { return };
    let polite = world.container("polite", "trap 'echo bye; exit 0' TERM; while true; do sleep 0.1; done");
    let deaf = world.container("deaf", "trap '' TERM; while true; do sleep 0.1; done");
    let task = task(vec![polite, deaf]);
    world.run(&task).await;
    let mut observer = world.observe();
    observer.inventory().await;

    let start = Instant::now();
    world.runtime.stop_container(&task.id, &name("polite"), Duration::from_secs(60)).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(30), "it waited for the time-out");
    assert_eq!(observer.exit("polite").await.exit_code, 0);

    let start = Instant::now();
    let name_of_deaf = name("deaf");
    let stop = || world.runtime.stop_container(&task.id, &name_of_deaf, Duration::from_secs(2));
    let (first, second) = tokio::join!(stop(), stop());
    first.and(second).unwrap();
    assert!(start.elapsed() >= Duration::from_secs(2), "it did not wait");
    let exit = observer.exit("deaf").await;
    assert_eq!((exit.exit_code, exit.out_of_memory), (137, false));

    stop().await.expect("stopping what is stopped succeeds");
    world.runtime.close_task(&task.id).await.unwrap();
    stop().await.expect("stopping what is gone succeeds");
}

#[tokio::test]
async fn a_command_that_the_image_lacks_is_named_and_leaves_no_container() {
    let Some(world) = World::new().await else { return };
    let mut web = world.container("web", "");
    web.command = Some(vec!["serve-it".to_owned()]);
    let task = task(vec![web]);
    world.runtime.open_task(&task).await.unwrap();
    let error = world.runtime.start_container(&task, &name("web")).await.unwrap_err();
    assert!(matches!(error, RuntimeError::CannotStartContainer(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with("CannotStartContainerError: "), "{text}");
    assert!(text.contains("exec: \"serve-it\": executable file not found in $PATH"), "{text}");
    assert!(text.contains("check `command` and `entryPoint`"), "{text}");
    let mut observer = world.observe();
    observer.inventory().await;
    assert!(super::world::seen(&observer.log, "web").is_empty());
}

#[tokio::test]
async fn a_leftover_of_the_same_name_is_replaced() {
    let Some(world) = World::new().await else { return };
    let task = task(vec![world.container("web", "sleep 600")]);
    world.run(&task).await;
    let first = world.runtime.container_id_of(&task.id, &name("web")).await.unwrap();
    let again = world.runtime.start_container(&task, &name("web")).await.unwrap();
    assert_ne!(first, Some(again.runtime_id));
}

#[tokio::test]
async fn a_network_or_pause_image_that_was_pruned_comes_back() {
    let Some(world) = World::new().await else { return };
    let network = format!("neargate-{}", world.options().project);
    world.docker().remove_network(&network).await.unwrap();
    let task = task(vec![world.container("web", "sleep 600")]);
    world.run(&task).await;
    world.runtime.close_task(&task.id).await.unwrap();
}

#[tokio::test]
async fn an_image_that_is_not_there_cannot_be_created() {
    let Some(world) = World::new().await else { return };
    let mut web = world.container("web", "true");
    web.image = "neargate-test/no-such-image:1".to_owned();
    let task = task(vec![web]);
    world.runtime.open_task(&task).await.unwrap();
    let text = refusal(world.runtime.start_container(&task, &name("web")).await);
    assert!(text.starts_with("CannotCreateContainerError: "), "{text}");
}

#[tokio::test]
async fn every_container_of_a_task_sees_the_same_names_and_only_its_own_processes() {
    let Some(world) = World::new().await else { return };
    let script = "echo $HOSTNAME; hostname; md5sum /etc/hosts /etc/resolv.conf; df -k /dev/shm | tail -1; \
                  nslookup api >/dev/null 2>&1 && echo api has a name; ps | grep -c 'sleep 432[1]'";
    let api = world.container("api", "sleep 4321");
    let task = task(vec![api, world.container("web", script), world.container("log", script)]);
    let network = world.run(&task).await;
    let mut seen = Vec::new();
    for container in ["web", "log"] {
        let lines = world.lines(&task, &name(container)).await;
        seen.push(lines.into_iter().map(|line| line.text).collect::<Vec<_>>());
    }
    let [web, log] = seen.as_slice() else { unreachable!("two were asked") };
    assert_eq!(web, log);
    let host = format!("ip-{}.ec2.internal", network.address.to_string().replace('.', "-"));
    assert_eq!(web[..2], [host.clone(), host], "HOSTNAME and the name of the host");
    assert!(web[4].split_whitespace().nth(1) == Some("65536"), "64 MiB of shared memory: {}", web[4]);
    assert_eq!(
        web.last().unwrap(),
        "0",
        "the other container's process is out of sight, and `api` is no name: {web:?}"
    );
    assert_eq!(web.len(), 6, "{web:?}");
}
