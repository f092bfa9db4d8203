//! What cannot be installed, at its line.

use super::support;
use super::{catalogue, cluster, installer_of};

fn refused(text: &str) -> String {
    support::plan_with(text, &catalogue()).unwrap_err()
}

#[test]
fn an_address_that_an_installer_cannot_have() {
    let bond = "    interface: bond0\n    interfaces: [{ name: bond0, bond: [eno1, eno2] }]\n";
    let text = cluster("debian-12", "1.34", &(installer_of("debian-12") + bond))
        .replace("    mac: \"52:54:00:00:00:11\"\n", "    serial: X1\n");
    insta::assert_snapshot!(refused(&text), @r#"
    error[installer/network]: the installer of `m1` cannot have its address on a bond
      --> cluster.yml:14:5
       |
    14 |     installer: { url: "http://10.0.0.5:8080", seeds: "https://10.0.0.5:8443/seeds" }
       |     ^^^^^^^^^
       |
       = help: set `installer.network: dhcp`: only the installer asks DHCP, the installed machine has its planned addresses
    "#);
    // only a network of one's own has no IPv4
    let text = cluster("ubuntu-24.04", "1.34", &installer_of("ubuntu-24.04"))
        .replace("10.0.0.11/24", "fd00::11/64")
        .replace("http://10.0.0.5/firstlight", "http://[fd00::5]/firstlight")
        .replace(
            "gateway: 10.0.0.1, nameservers: [10.0.0.1, 10.0.0.2]",
            "gateway: \"fd00::1\"",
        )
        .replace(
            "{ provider: bridge }",
            "{ provider: custom, custom: { manifest_path: ./net }, pod_network_cidr: \"fd01::/48\", service_cidr: \"fd02::/112\" }",
        );
    insta::assert_snapshot!(refused(&text), @r#"
    error[installer/network]: the installer of `m1` cannot have `fd00::11`: its kernel sets IPv4 only
      --> cluster.yml:14:5
       |
    14 |     installer: { url: "http://10.0.0.5:8080", seeds: "https://10.0.0.5:8443/seeds", iso: "http://10.0.0.5/media/live.iso", kernel: "...
       |     ^^^^^^^^^
       |
       = help: set `installer.network: dhcp`: only the installer asks DHCP, the installed machine has its planned addresses
    "#);
}

#[test]
fn what_is_not_known_of_an_installer() {
    let text = cluster("rhel-9", "1.34", &installer_of("debian-12"));
    insta::assert_snapshot!(refused(&text), @r#"
    error[installer/no-kernel]: where kernel and initial RAM disk of `rhel-9` are is not known
      --> cluster.yml:14:5
       |
    14 |     installer: { url: "http://10.0.0.5:8080", seeds: "https://10.0.0.5:8443/seeds" }
       |     ^^^^^^^^^
       |
       = help: give `installer.mirror`: the installation tree has them in `images/pxeboot/`
    "#);
    let text = cluster("ubuntu-24.04", "1.34", &installer_of("debian-12"));
    insta::assert_snapshot!(refused(&text), @r#"
    error[installer/no-iso]: the installer of `ubuntu-24.04` loads its ISO, and none is named
      --> cluster.yml:14:5
       |
    14 |     installer: { url: "http://10.0.0.5:8080", seeds: "https://10.0.0.5:8443/seeds" }
       |     ^^^^^^^^^
       |
       = help: give `installer.iso`, with the kernel and the initial RAM disk of that ISO
    "#);
    let text = cluster("debian-12", "1.34", &installer_of("debian-12"));
    insta::assert_snapshot!(support::try_plan(&text).unwrap_err(), @r#"
    error[installer/not-pinned]: no digest is known of what `m1` boots to be installed: https://deb.debian.org/debian/dists/bookworm/main/installer-amd64/current/images/netboot/debian-installer/amd64/linux, https://deb.debian.org/debian/dists/bookworm/main/installer-amd64/current/images/netboot/debian-installer/amd64/initrd.gz
      --> cluster.yml:14:23
       |
    14 |     installer: { url: "http://10.0.0.5:8080", seeds: "https://10.0.0.5:8443/seeds" }
       |                       ^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: `firstlight overlay lock` finds the digests out and remembers them
    "#);
}

/// Answers are public: what a login is for is not in them.
#[test]
fn a_proxy_with_a_login() {
    let login = "    environment: { https_proxy: \"http://joe:hunter2@10.0.0.5:3128\" }\n";
    let text = cluster("debian-12", "1.34", &(installer_of("debian-12") + login));
    let said = refused(&text);
    assert!(!said.contains("hunter2"), "{said}");
    insta::assert_snapshot!(said, @r#"
    error[installer/public-password]: the proxy of `m1` asks for a login, which would stand in its answers for all to read
      --> cluster.yml:14:23
       |
    14 |     installer: { url: "http://10.0.0.5:8080", seeds: "https://10.0.0.5:8443/seeds" }
       |                       ^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: give `installer.mirror`, which is reached without a proxy, or let machines through without a login
    "#);
    // a mirror of one's own is reached without it
    let own = text.replace("seeds\" }", "seeds\", mirror: \"http://10.0.0.5/media\", kernel: \"http://10.0.0.5/media/vmlinuz\", initrd: \"http://10.0.0.5/media/initrd\" }");
    let plan = support::plan_with(&own, &catalogue()).unwrap_or_else(|why| panic!("{why}"));
    assert!(
        super::tree(&plan)
            .values()
            .all(|text| !text.contains("hunter2"))
    );
    // and one without a login is told
    let open = text.replace("joe:hunter2@", "");
    let plan = support::plan_with(&open, &catalogue()).unwrap_or_else(|why| panic!("{why}"));
    assert!(
        super::tree(&plan)["nodes/m1/preseed.cfg"]
            .contains("d-i mirror/https/proxy string http://10.0.0.5:3128\n")
    );
}
