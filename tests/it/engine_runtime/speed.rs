//! The cost of a task compared with the bare engine calls. Prints figures and asserts nothing: a busy machine is not an
//! error.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bollard::models::{ContainerCreateBody, EndpointSettings, HostConfig, NetworkingConfig};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use futures_util::future::join_all;
use neargate::control::runtime::Runtime as _;

use super::world::{World, task};

const ROUNDS: usize = 11;

#[tokio::test]
#[ignore = "a measurement: cargo test --release --test it speed -- --ignored --nocapture"]
async fn a_task_of_two_containers_beside_the_bare_calls() {
    let Some(world) = World::new().await else { return };
    let mut figures: [Vec<Duration>; 4] = Default::default();
    for _ in 0..ROUNDS {
        let (up, down) = bare(&world).await;
        figures[0].push(up);
        figures[1].push(down);

        let task = task(vec![world.container("web", "sleep 600"), world.container("api", "sleep 600")]);
        let start = Instant::now();
        world.runtime.open_task(&task).await.unwrap();
        let names = task.definition.containers.iter().map(|container| &container.name);
        for started in join_all(names.map(|name| world.runtime.start_container(&task, name))).await {
            started.unwrap();
        }
        figures[2].push(start.elapsed());
        let start = Instant::now();
        world.runtime.close_task(&task.id).await.unwrap();
        figures[3].push(start.elapsed());
    }
    let median = |mut figures: Vec<f64>| {
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    let seconds = |figures: &[Duration]| median(figures.iter().map(Duration::as_secs_f64).collect());
    let [bare_up, bare_down, up, down] = &figures;
    for (what, ours, bare) in [("up", up, bare_up), ("down", down, bare_down)] {
        // Ratios within a round, because the machine's load varies between rounds.
        let ratios = ours.iter().zip(bare).map(|(ours, bare)| ours.as_secs_f64() / bare.as_secs_f64()).collect();
        eprintln!("{what}: {:.3} s, bare {:.3} s, ratio {:.2}", seconds(ours), seconds(bare), median(ratios));
    }
}

/// The same work with only the necessary calls.
async fn bare(world: &World) -> (Duration, Duration) {
    let docker = world.docker();
    let network = format!("neargate-{}", world.options().project);
    let mark = HashMap::from([("dev.neargate.project".to_owned(), world.options().project.to_string())]);
    let create = async |name: &str, body: ContainerCreateBody| {
        let options = CreateContainerOptionsBuilder::new().name(&format!("{network}-{name}")).build();
        let id = docker.create_container(Some(options), body).await.unwrap().id;
        docker.start_container(&id, None).await.unwrap();
        id
    };
    let remove = async |id: &str| {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        docker.remove_container(id, Some(options)).await.unwrap();
    };
    let start = Instant::now();
    let pause = ContainerCreateBody {
        image: Some("neargate/pause:1-amd64".to_owned()),
        entrypoint: Some(vec!["/pause".to_owned()]),
        labels: Some(mark.clone()),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.clone(), EndpointSettings::default())])),
        }),
        host_config: Some(HostConfig { network_mode: Some(network.clone()), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let pause = create("pause", pause).await;
    let member = ContainerCreateBody {
        image: Some(world.busybox.clone()),
        cmd: Some(vec!["sleep".to_owned(), "600".to_owned()]),
        labels: Some(mark.clone()),
        host_config: Some(HostConfig { network_mode: Some(format!("container:{pause}")), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let (web, api) = tokio::join!(create("bare-web", member.clone()), create("bare-api", member));
    let up = start.elapsed();
    let start = Instant::now();
    tokio::join!(remove(&web), remove(&api));
    remove(&pause).await;
    (up, start.elapsed())
}
