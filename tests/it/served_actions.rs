//! `docs/aws.md`: which actions of AWS's APIs a stack serves, from the tables that it serves them by.

use std::fmt::Write as _;
use std::path::Path;

use neargate::aws::actions;

use crate::support::expected::Differences;

const OPENING: &str = "\
# AWS's APIs

`neargate up --aws` serves AWS's APIs at http://127.0.0.1:4566 (`--aws=ADDRESS` for another loopback address), so that AWS CLI,
the SDKs and the actions of a pipeline run against the stack on this machine. `aws: { endpoint: 127.0.0.1:4566 }` in the file
does the same for every start. `neargate env` prints the variables that lead clients there, and the command of `neargate run` has
them:

```
neargate up -d --wait --aws
eval \"$(neargate env)\"
aws ecs describe-services --cluster prod --services web
neargate env --shell github >> \"$GITHUB_ENV\"
```

What a call changes is an edit of the stack, refused where AWS refuses it, with its code and message. It stays until the file says
something else about the same field, `up --reset`, or `down`. What no file has (tags, VPCs, roles) is remembered beside it, and
survives restarts too.

- Without users in the file, any key is the account's root, and its signature is not checked. With users under `aws`, requests must
  be signed with their keys, and with `signatures: any` an unknown key is still the root. `neargate env` then prints no keys.
- Users and sessions may do what their policies allow: inline and managed ones, a permissions boundary, policies passed to AssumeRole,
  with all condition operators. As long as the file has neither users nor roles, anyone may assume a role that does not exist,
  and its sessions may do everything. Tokens for AssumeRoleWithWebIdentity are not verified; their issuer must be a provider of
  the account.
- A denied call has AWS's words and an id: `neargate explain ID` says which statement decided, or what to add.
- Secrets, parameters and access keys that clients create are kept in the state folder as they are, in a file that only you can
  read; they are in no log. What PutLogEvents sends is kept in memory.
- `docker login`, `docker push` and `docker pull` work against `repositoryUri`, which is on the endpoint's port. Behind it runs
  distribution's registry: install Debian's `docker-registry`, or put distribution's `registry` on PATH; it starts with the first
  push. Tasks find images of the account's repositories there, under that name and as
  `111122223333.dkr.ecr.us-east-1.amazonaws.com/NAME`, in the version that was pushed last. Images stay with `down --keep`. The
  engine must run on this machine.
- What a task gets at 169.254.170.2 are keys that act as its role here.
- `POST /_localstack/state/reset` (or `/_neargate/reset`) forgets what clients have made, as `up --reset` does; revisions of task
  definitions keep their numbers. `GET /_localstack/health` lists the services.
- Requests of web pages (with `Origin`) and for hosts other than this machine's and AWS's get 403.
- An action that is not listed is answered as one that does not exist: `UnknownOperationException` or `InvalidAction`.
- Members that mean nothing here come back as they were sent.
- Without a `neargate.yaml`, `up --aws` is an empty account. A load balancer of the API listens on the next loopback address,
  127.0.0.1 for the first; its ports are those of its listeners, or those that `--listen 443=8443` gives them. Names that lead to
  it in Route 53 are known to `neargate hosts`. Load balancers are Application Load Balancers, targets are of type
  `ip`, and tasks run in one cluster: that of the first service, or the newest before there is one.
- Scaling policies that track a metric of one's own, and step scaling, are remembered and scale nothing.
- Security groups are the stack's, and filter what reaches load balancers and tasks. VPCs, subnets, routes, addresses and hosted
  zones are remembered: containers stay in the engine's network, and no name is published.

";

#[test]
fn the_page_of_served_actions_is_current() {
    let mut text = OPENING.to_owned();
    let mut services: Vec<&str> = actions().map(|action| action.service).collect();
    services.dedup();
    for service in services {
        let _ = writeln!(text, "## {service}\n");
        for action in actions().filter(|action| action.service == service) {
            let _ = writeln!(text, "- {}", action.action);
        }
        text.push('\n');
    }
    let mut differences = Differences::default();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/aws.md");
    differences.check(&page, &format!("{}\n", text.trim_end()));
    differences.finish();
}
