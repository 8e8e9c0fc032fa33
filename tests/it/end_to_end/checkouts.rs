//! Two checkouts of one project (worktrees, branches, agents side by side) are two stacks: neither affects the other's.

use crate::support::stack::{DOMAIN, Output, Stack};

/// A load balancer whose response names its checkout. It needs no engine.
fn write(stack: &Stack, project: &str, text: &str) {
    let file = format!(
        "name: {project}\nload_balancer:\n  listeners:\n    - port: 80\n      protocol: HTTP\n      default_action: {{ \
         fixed_response: {{ status_code: 200, content_type: text/plain, message_body: {text} }} }}\n"
    );
    std::fs::write(stack.folder().join("neargate.yaml"), file).unwrap();
}

async fn answer(stack: &Stack) -> String {
    stack.get(&format!("http://{DOMAIN}/")).await.body
}

fn assert_refused(output: &Output, folder: &Stack) {
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("runs from ") && output.stderr.contains("not from here"), "{output:?}");
    let name = folder.folder().parent().unwrap().file_name().unwrap().to_str().unwrap();
    assert!(output.stderr.contains(name), "the folder is named: {output:?}");
}

#[tokio::test]
async fn a_verb_does_not_touch_the_stack_of_another_checkout() {
    let mut one = Stack::listening_on([(80, crate::support::stack::free_port())].into(), |_| {});
    let mut other = Stack::listening_on([(80, crate::support::stack::free_port())].into(), |_| {});
    let project = one.project().to_owned();
    write(&one, &project, "one");
    write(&other, &project, "other");
    // The usual setup: the name is in the file, and the state folders are the user's.
    for (name, folder) in [("NEARGATE_STATE_DIR", one.state_folder()), ("NEARGATE_DATA_DIR", one.data_folder())] {
        other.set(name, folder.parent().unwrap().to_str().unwrap());
    }
    one.unset("NEARGATE_PROJECT_NAME");
    other.unset("NEARGATE_PROJECT_NAME");

    one.up().await;
    assert_refused(&other.run(&["up", "-d"]).await, &one);
    assert_refused(&other.run(&["run", "--", "true"]).await, &one);
    assert_refused(&other.run(&["restart"]).await, &one);
    assert_refused(&other.run(&["down"]).await, &one);
    let looked = other.run(&["ps"]).await.succeeded();
    assert!(looked.stderr.contains("runs from "), "who looks is told: {looked:?}");
    assert_eq!(answer(&one).await, "one");
    assert!(!other.listens());

    let beside = other.run(&["up", "-d", "--wait", "-p", &format!("{project}-2")]).await.succeeded();
    assert_eq!((answer(&one).await.as_str(), answer(&other).await.as_str()), ("one", "other"), "{beside:?}");
    other.run(&["down", "-p", &format!("{project}-2")]).await.succeeded();

    other.run(&["up", "-d", "--wait", "--take-over"]).await.succeeded();
    assert_eq!(answer(&other).await, "other");
    assert_refused(&one.run(&["down"]).await, &other);
    one.run(&["down", "-p", &project]).await.succeeded();
    assert!(!other.listens(), "who names the project means it");
    one.up().await;
    assert_eq!(answer(&one).await, "one");
    one.down().await;
}
