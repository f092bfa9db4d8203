//! The scripts that a node runs, driven as root on made-up machines: each has a mount and process
//! namespace and a root folder of its own (`node/enter.sh`), a systemd, a clock and a containerd that
//! only remember what they were asked (`node/bin`), and seeds that the program built.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

#[path = "node/address.rs"]
mod address;
#[path = "node/again.rs"]
mod again;
#[path = "node/artefacts.rs"]
mod artefacts;
#[path = "node/clock.rs"]
mod clock;
#[path = "node/containerd.rs"]
mod containerd;
#[path = "node/converge.rs"]
mod converge;
#[path = "node/cuts.rs"]
mod cuts;
#[path = "node/etcd.rs"]
mod etcd;
#[path = "node/firewall.rs"]
mod firewall;
#[path = "node/hand_over.rs"]
mod hand_over;
#[path = "node/images.rs"]
mod images;
#[path = "node/machine.rs"]
mod machine;
#[path = "node/renew.rs"]
mod renew;
#[path = "node/renewal.rs"]
mod renewal;
#[path = "node/right_machine.rs"]
mod right_machine;
#[path = "node/say.rs"]
mod say;
#[path = "node/seeds.rs"]
mod seeds;
#[path = "node/server.rs"]
mod server;
#[path = "node/size.rs"]
mod size;
#[path = "node/update.rs"]
mod update;
#[path = "node/weave.rs"]
mod weave;
