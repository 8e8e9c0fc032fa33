//! Images: built with both builders, pulled, refused.

use std::collections::BTreeMap;
use std::time::Duration;

use neargate::control::runtime::{
    Fresh, ImageOrigin, ImagePolicy, ImageProgress, ImageRequest, ProvidedImage, RegistryCredentials, Runtime as _,
    RuntimeError,
};
use neargate::model::Redacted;
use neargate::model::service::Build;
use neargate::runtime::docker::BuilderMode;
use tokio::sync::mpsc;

use super::world::{World, container, name, task};
use crate::support::registry::{Answer, Registry};

/// A world and a folder to build in. Its images are labelled and removed with it.
struct Workshop {
    world: World,
    folder: tempfile::TempDir,
    image: String,
}

impl Workshop {
    async fn new(builder: BuilderMode) -> Option<Self> {
        let world = World::with(|options| options.builder = builder).await?;
        let image = format!("neargate-it/{}:1", world.options().project);
        Some(Self { world, folder: tempfile::tempdir().unwrap(), image })
    }

    fn file(&self, path: &str, text: &str) -> &Self {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// A Dockerfile with stages that start from the local busybox.
    fn dockerfile(&self, text: &str) -> &Self {
        let start = format!("FROM {}\nLABEL {}", self.world.busybox, self.world.image_label());
        self.file(
            "Dockerfile",
            &text.replace("FROM busybox\n", &format!("{start}\n")).replace(
                "FROM busybox AS first\n",
                &format!("{} AS first\nLABEL {}\n", start.lines().next().unwrap(), self.world.image_label()),
            ),
        )
    }

    fn request(&self) -> ImageRequest {
        ImageRequest {
            image: self.image.clone(),
            container: name("web"),
            build: Some(Build {
                context: self.folder.path().to_owned(),
                dockerfile: "Dockerfile".to_owned(),
                args: BTreeMap::new(),
                target: None,
            }),
            credentials: None,
            policy: ImagePolicy::Always,
            platform: None,
            fresh: Fresh::default(),
        }
    }

    async fn provide(&self, request: &ImageRequest) -> (Result<ProvidedImage, RuntimeError>, Vec<ImageProgress>) {
        provide(&self.world, request).await
    }

    async fn printed(&self, script: &str) -> Vec<String> {
        self.world.output(container("web", &self.image, script)).await
    }
}

async fn provide(world: &World, request: &ImageRequest) -> (Result<ProvidedImage, RuntimeError>, Vec<ImageProgress>) {
    let (sender, mut receiver) = mpsc::channel(1024);
    let result = world.runtime.provide_image(request, &[], sender).await;
    let mut progress = Vec::new();
    while let Ok(one) = receiver.try_recv() {
        progress.push(one);
    }
    (result, progress)
}

fn pull(image: &str) -> ImageRequest {
    ImageRequest {
        image: image.to_owned(),
        container: name("web"),
        build: None,
        credentials: None,
        policy: ImagePolicy::Missing,
        platform: None,
        fresh: Fresh::default(),
    }
}

const BUILDERS: [BuilderMode; 2] = [BuilderMode::Classic, BuilderMode::BuildKit];

#[tokio::test]
async fn a_build_takes_arguments_target_and_dockerignore() {
    for builder in BUILDERS {
        let Some(shop) = Workshop::new(builder).await else { return };
        shop.file("kept.txt", "kept").file("left/out.txt", "").file("left/in.txt", "");
        shop.file(".dockerignore", "left\n!left/in.txt\n");
        shop.dockerfile(
            "FROM busybox AS first\nARG WHO=nobody\nCOPY . /ctx\nRUN echo \"hello $WHO\" >/greeting && echo noise\n\
             FROM busybox\nRUN echo second >/greeting\n",
        );
        let mut request = shop.request();
        let build = request.build.as_mut().unwrap();
        build.args = BTreeMap::from([("WHO".to_owned(), "a \"b\" & c".to_owned())]);
        build.target = Some("first".to_owned());
        let (result, progress) = shop.provide(&request).await;
        result.unwrap();
        let told = |detail: bool, words: &str| {
            progress.iter().any(|one| one.detail == detail && one.message.contains(words) && one.image == shop.image)
        };
        assert!(told(false, "RUN echo \"hello "), "{builder:?}: {progress:#?}");
        assert!(told(true, "noise"), "{builder:?}: {progress:#?}");
        assert!(told(false, "sending the build context"), "{builder:?}: {progress:#?}");
        let printed = shop.printed("cat /greeting; cd /ctx; find . -type f | sort").await;
        assert_eq!(
            printed,
            ["hello a \"b\" & c", "./.dockerignore", "./Dockerfile", "./kept.txt", "./left/in.txt"],
            "{builder:?}"
        );
    }
}

#[tokio::test]
async fn the_origin_of_an_image_is_reported() {
    for builder in BUILDERS {
        let Some(shop) = Workshop::new(builder).await else { return };
        let unbuilt = ImageRequest { policy: ImagePolicy::Never, ..shop.request() };
        let (result, _) = shop.provide(&unbuilt).await;
        assert!(result.unwrap_err().to_string().contains("--no-build"), "{builder:?}");

        shop.file("v", "1").dockerfile("FROM busybox\nARG WHO=me\nCOPY v /v\nRUN echo $WHO >/who\n");
        let built = async |request: &ImageRequest| shop.provide(request).await.0.unwrap();
        let first = built(&shop.request()).await;
        assert_eq!(first.origin, ImageOrigin::Built, "{builder:?}");
        let again = built(&shop.request()).await;
        assert_eq!((&again.id, again.origin), (&first.id, ImageOrigin::Cached), "{builder:?}: nothing has changed");

        shop.file("v", "2");
        let there = built(&unbuilt).await;
        assert_eq!((&there.id, there.origin), (&first.id, ImageOrigin::Present), "{builder:?}");
        assert_eq!(shop.printed("cat /v").await, ["1"]);
        let changed = built(&shop.request()).await;
        assert_eq!(changed.origin, ImageOrigin::Built, "{builder:?}: a file has changed");
        assert_eq!(shop.printed("cat /v").await, ["2"]);
        let gone = shop.world.docker().inspect_image(&first.id).await;
        assert!(gone.is_err(), "{builder:?}: nothing runs the one before, and it has no name any more");

        let fresh = ImageRequest { fresh: Fresh { steps: true, bases: false }, ..shop.request() };
        assert_eq!(built(&fresh).await.origin, ImageOrigin::Built, "{builder:?}: nothing comes from the cache");

        let mut request = shop.request();
        request.build.as_mut().unwrap().args = BTreeMap::from([("WHO".to_owned(), "you".to_owned())]);
        assert_eq!(built(&request).await.origin, ImageOrigin::Built, "{builder:?}: an argument has changed");
        assert_eq!(shop.printed("cat /who").await, ["you"]);
    }
}

#[tokio::test]
async fn an_image_is_kept_while_it_is_running() {
    let Some(shop) = Workshop::new(BuilderMode::Classic).await else { return };
    shop.file("v", "1").dockerfile("FROM busybox\nCOPY v /v\n");
    let first = shop.provide(&shop.request()).await.0.unwrap();
    let task = super::world::task(vec![container("web", &shop.image, "sleep 600")]);
    shop.world.run(&task).await;
    let is_there = async |id: &str| shop.world.docker().inspect_image(id).await.is_ok();
    shop.file("v", "2");
    let second = shop.provide(&shop.request()).await.0.unwrap();
    assert!(is_there(&first.id).await, "a task runs it");
    shop.world.runtime.close_task(&task.id).await.unwrap();
    shop.file("v", "3");
    shop.provide(&shop.request()).await.0.unwrap();
    assert!(!is_there(&first.id).await && !is_there(&second.id).await);
}

#[tokio::test]
async fn a_failing_step_is_named_with_its_last_output() {
    for builder in BUILDERS {
        let Some(shop) = Workshop::new(builder).await else { return };
        shop.dockerfile("FROM busybox\nRUN echo before\nRUN printf 'it broke because' >&2; exit 3\n");
        let (result, _) = shop.provide(&shop.request()).await;
        let error = result.unwrap_err();
        assert!(matches!(error, RuntimeError::BuildFailed(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with("image build failed: Dockerfile, "), "{text}");
        assert!(text.lines().next().unwrap().contains("RUN printf 'it broke because' >&2; exit 3"), "{text}");
        assert!(text.contains('3') && text.ends_with("\n  it broke because"), "{text}");
        assert!(!text.contains("  before"), "{text}");
    }
}

#[tokio::test]
async fn a_dockerfile_that_needs_buildkit_gets_it() {
    let Some(shop) = Workshop::new(BuilderMode::Auto).await else { return };
    shop.dockerfile("FROM busybox\nARG TARGETARCH\nRUN --mount=type=cache,target=/c echo $TARGETARCH >/arch\n");
    shop.provide(&shop.request()).await.0.unwrap();
    assert_eq!(shop.printed("cat /arch").await, [shop.world.engine.info().arch.clone()]);
}

#[tokio::test]
async fn an_engine_behind_tcp_builds_with_buildkit_and_publishes_ports() {
    let Some(mut shop) = Workshop::new(BuilderMode::BuildKit).await else { return };
    let Some(engine) = super::relay::over_tcp(&shop.world).await else { return };
    let runtime = neargate::runtime::docker::DockerRuntime::new(engine, shop.world.options());
    shop.world.runtime = std::sync::Arc::new(runtime);
    shop.dockerfile("FROM busybox\nRUN echo answer >/answer\n");
    shop.provide(&shop.request()).await.0.unwrap();
    let mut web = container("web", &shop.image, "while true; do nc -l -p 80 </answer; done");
    web.port_mappings = vec![neargate::model::task_definition::PortMapping::tcp(80)];
    let task = super::world::task(vec![web]);
    let dial = shop.world.run(&task).await.dial(80).unwrap();
    assert!(dial.ip().is_loopback());
    assert_eq!(super::world::answer_of(dial).await, "answer\n");
    // Removed over TCP: the relay ends with this test, before the world is cleaned up.
    shop.world.runtime.close_task(&task.id).await.unwrap();
    let runtime = neargate::runtime::docker::DockerRuntime::new(shop.world.engine.clone(), shop.world.options());
    shop.world.runtime = std::sync::Arc::new(runtime);
}

#[tokio::test]
async fn a_build_without_a_client_stops() {
    for (builder, marker) in BUILDERS.into_iter().zip(["4711081", "4711082"]) {
        let Some(shop) = Workshop::new(builder).await else { return };
        shop.dockerfile(&format!("FROM busybox\nRUN sleep {marker}\n"));
        let (sender, _receiver) = mpsc::channel(64);
        let request = shop.request();
        {
            let building = shop.world.runtime.provide_image(&request, &[], sender);
            tokio::select! {
                result = building => panic!("it ended: {result:?}"),
                () = super::world::process(marker, true) => {}
            }
        }
        super::world::process(marker, false).await;
    }
}

#[tokio::test]
async fn a_failing_build_says_why() {
    let Some(shop) = Workshop::new(BuilderMode::Classic).await else { return };
    let text = shop.provide(&shop.request()).await.0.unwrap_err().to_string();
    assert!(text.contains("the Dockerfile") && text.contains("cannot be read"), "{text}");
    shop.file("Dockerfile", "FROM busybox\nFRUN x\n");
    let text = shop.provide(&shop.request()).await.0.unwrap_err().to_string();
    assert!(text.to_lowercase().contains("unknown instruction: frun"), "{text}");
}

#[tokio::test]
async fn an_image_is_pulled_with_the_given_credentials() {
    let Some(world) = World::new().await else { return };
    let registry = Registry::start(Answer::ImageFor { username: "me", password: "s3cr?t>>" }).await;
    let image = registry.image(&world.options().project.to_string());
    let credentials = RegistryCredentials { username: "me".to_owned(), password: Redacted::new("s3cr?t>>") };
    let (result, _) = provide(&world, &ImageRequest { credentials: Some(credentials), ..pull(&image) }).await;
    result.unwrap();
    let task = super::world::task(vec![{
        let mut web = container("web", &image, "");
        web.command = Some(vec!["/pause".to_owned()]);
        web
    }]);
    world.runtime.open_task(&task).await.unwrap();
    let started = world.runtime.start_container(&task, &name("web")).await.unwrap();
    assert!(started.image_digest.unwrap().starts_with("sha256:"));
    world.runtime.close_task(&task.id).await.unwrap();
    world.remove_image(&image).await;
}

#[tokio::test]
async fn a_failing_pull_is_reported_in_the_words_of_ecs() {
    let Some(world) = World::new().await else { return };
    let cases = [
        (
            Answer::Missing,
            "has been retried 1 time(s): failed to resolve ref IMAGE: IMAGE: not found (engine: manifest for",
        ),
        (
            Answer::Private,
            "has been retried 1 time(s): failed to resolve ref IMAGE: failed to authorize: failed to fetch anonymous \
             token: 401 Unauthorized (engine: ",
        ),
        (Answer::Broken, "has been retried 3 time(s): failed to resolve ref IMAGE: failed to do request (engine: "),
    ];
    for (answer, words) in cases {
        let registry = Registry::start(answer).await;
        let image = registry.image("app");
        let error = provide(&world, &pull(&image)).await.0.unwrap_err();
        assert!(matches!(error, RuntimeError::CannotPullContainer(_)), "{error:?}");
        let expected = format!("CannotPullContainerError: pull image manifest {}", words.replace("IMAGE", &image));
        assert!(error.to_string().starts_with(&expected), "{error}\nis not\n{expected}");
    }
}

/// ECS stops a container as `docker stop` does: STOPSIGNAL of the image instead of SIGTERM.
#[tokio::test]
async fn an_image_says_which_signal_stops_its_containers() {
    let Some(workshop) = Workshop::new(BuilderMode::Auto).await else { return };
    workshop.dockerfile("FROM busybox\nSTOPSIGNAL SIGQUIT\n");
    workshop.provide(&workshop.request()).await.0.unwrap();
    let script = "trap 'exit 3' QUIT; trap 'exit 15' TERM; while true; do sleep 0.1; done";
    let task = task(vec![container("web", &workshop.image, script)]);
    let mut observer = workshop.world.observe();
    observer.inventory().await;
    workshop.world.run(&task).await;
    workshop.world.runtime.stop_container(&task.id, &name("web"), Duration::from_secs(30)).await.unwrap();
    assert_eq!(observer.exit("web").await.exit_code, 3);
}
