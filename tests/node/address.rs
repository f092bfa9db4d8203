//! An address that does not come.

use crate::machine::Machine;

const CONFIG: &str = "var/lib/cloud/seed/nocloud/network-config";

/// Waits for an address that nobody has, as long as a test's time goes; whether it rebooted.
fn reboots(network_config: &str, rendered: &str) -> bool {
    let machine = Machine::with_scripts();
    machine.write(CONFIG, network_config);
    machine.write("etc/netplan/50-cloud-init.yaml", rendered);
    machine.write("var/lib/firstlight/settled", "");
    machine.write("etc/ssh/ssh_host_key", "");
    machine.run("FL_IP=192.0.2.1 FL_NODE=m1 /opt/firstlight/bin/firstlight-address");
    machine.read("test/systemctl").contains("--no-block reboot")
}

#[test]
fn a_network_that_a_power_cut_took_is_configured_anew_and_an_answer_of_dhcp_is_waited_for() {
    let seed = |kind: &str| {
        format!("config:\n- mac_address: 52:54:00:79:00:11\n  subnets:\n  - type: {kind}\n")
    };
    let rendered = "network:\n  match:\n    macaddress: 52:54:00:79:00:11\n";
    assert!(reboots(&seed("static"), ""));
    assert!(reboots(&seed("dhcp4"), ""));
    // its lease is late, or of another address
    assert!(!reboots(&seed("dhcp4"), rendered));
}
