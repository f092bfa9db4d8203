//! preseed: answers of debian-installer, of Debian 9 to 13 and of Ubuntu 16.04 and 18.04.
//!
//! debian-installer ignores answers to questions that it does not ask, so one file serves all. Those for the
//! network are in [`super::boot`]: it is set up before this file is there.

use std::collections::BTreeMap;

use crate::artefact::Digest;
use crate::plan::Node;
use crate::plan::installer::{Install, Mirror};

use super::boot::{folder, time_zone};

/// `preseed.cfg`, and `hook.sh`, whose digest it names.
pub fn files(node: &Node, install: &Install, hook: &str) -> BTreeMap<&'static str, Vec<u8>> {
    let url = format!("{}/{}/hook.sh", install.url, folder(node));
    let digest = Digest::sha256(hook.as_bytes()).hex();
    let fetch =
        format!("fetch-url '{url}' /tmp/hook.sh && echo '{digest}  /tmp/hook.sh' | sha256sum -c");
    let answers = [
        system(node),
        install
            .mirror
            .as_ref()
            .map(|m| mirror(node, m, install.proxy.as_deref()))
            .unwrap_or_default(),
        DISK.replace("@FETCH@", &fetch),
        packages(node),
        late(node),
    ];
    BTreeMap::from([
        ("preseed.cfg", answers.concat().into_bytes()),
        ("hook.sh", hook.as_bytes().to_vec()),
    ])
}

/// Nobody can log in until the seed says who may: root has no password, and there is no other account.
fn system(node: &Node) -> String {
    let zone = time_zone(node);
    let mut lines = format!(
        "#_preseed_V1\n\
         # {name}, {title}: made by firstlight; it asks nothing and touches one disk\n\
         d-i debian-installer/locale string en_US.UTF-8\n\
         d-i debian-installer/language string en\n\
         d-i debian-installer/country string US\n\
         d-i keyboard-configuration/xkb-keymap select us\n\
         d-i keyboard-configuration/layoutcode string us\n\
         d-i console-setup/ask_detect boolean false\n\
         d-i hw-detect/load_firmware boolean false\n\
         d-i netcfg/hostname string {name}\n\
         d-i netcfg/get_hostname string {name}\n\
         d-i netcfg/get_domain string\n\
         d-i netcfg/wireless_wep string\n\
         d-i clock-setup/utc boolean true\n\
         d-i time/zone string {zone}\n\
         d-i passwd/root-login boolean true\n\
         d-i passwd/root-password-crypted password !\n\
         d-i passwd/make-user boolean false\n\
         d-i user-setup/encrypt-home boolean false\n",
        name = node.name,
        title = node.profile.title,
    );
    lines += &match node.network.ntp.first() {
        Some(server) => format!(
            "d-i clock-setup/ntp boolean true\nd-i clock-setup/ntp-server string {server}\n"
        ),
        // pool.ntp.org is not everywhere, and it waits for it
        None => "d-i clock-setup/ntp boolean false\n".to_owned(),
    };
    lines
}

fn mirror(node: &Node, mirror: &Mirror, proxy: Option<&str>) -> String {
    let (scheme, rest) = mirror
        .url
        .split_once("://")
        .unwrap_or(("http", &mirror.url));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let proxy = proxy.map(|url| format!(" {url}")).unwrap_or_default();
    let services = match mirror.official && node.profile.installer.updates {
        true => " security, updates",
        // a mirror of one's own, and an archive, have what they have
        false => "",
    };
    format!(
        "d-i mirror/country string manual\n\
         d-i mirror/protocol string {scheme}\n\
         d-i mirror/{scheme}/hostname string {host}\n\
         d-i mirror/{scheme}/directory string /{path}\n\
         d-i mirror/{scheme}/proxy string{proxy}\n\
         d-i apt-setup/services-select multiselect{services}\n\
         d-i apt-setup/cdrom/set-first boolean false\n\
         d-i apt-setup/enable-source-repositories boolean false\n"
    )
}

/// One disk, chosen when partitioning begins. The partitions serve firmware of either kind: GRUB's own for BIOS,
/// an EFI system partition for UEFI. No swap: the kubelet wants none.
const DISK: &str = "\
d-i partman/early_command string @FETCH@ && sh /tmp/hook.sh disk > /tmp/disk && \
debconf-set partman-auto/disk \"$(cat /tmp/disk)\" && debconf-set grub-installer/bootdev \"$(cat /tmp/disk)\"
d-i partman-auto/method string regular
d-i partman-auto/expert_recipe string node :: \
1 1 1 free $iflabel{ gpt } $reusemethod{ } method{ biosgrub } . \
512 512 512 free $iflabel{ gpt } $reusemethod{ } method{ efi } format{ } . \
2000 10000 -1 ext4 method{ format } format{ } use_filesystem{ } filesystem{ ext4 } mountpoint{ / } .
d-i partman-auto/choose_recipe select node
d-i partman-partitioning/choose_label string gpt
d-i partman-partitioning/default_label string gpt
d-i partman-efi/non_efi_system boolean true
d-i partman-basicfilesystems/no_swap boolean false
d-i partman-swapfile/percentage string 0
d-i partman-swapfile/size string 0
d-i partman-lvm/device_remove_lvm boolean true
d-i partman-md/device_remove_md boolean true
d-i partman-lvm/confirm boolean true
d-i partman-lvm/confirm_nooverwrite boolean true
d-i partman-md/confirm boolean true
d-i partman-md/confirm_nooverwrite boolean true
d-i partman-partitioning/confirm_write_new_label boolean true
d-i partman/choose_partition select finish
d-i partman/confirm boolean true
d-i partman/confirm_nooverwrite boolean true
d-i partman/mount_style select uuid
d-i grub-installer/only_debian boolean true
d-i grub-installer/with_other_os boolean false
d-i grub-installer/force-efi-extra-removable boolean true
";

fn packages(node: &Node) -> String {
    let include = node.profile.installer.packages.join(" ");
    format!(
        "d-i base-installer/install-recommends boolean false\n\
         tasksel tasksel/first multiselect\n\
         d-i pkgsel/run_tasksel boolean false\n\
         d-i pkgsel/include string {include}\n\
         d-i pkgsel/upgrade select none\n\
         d-i pkgsel/update-policy select none\n\
         d-i pkgsel/install-language-support boolean false\n\
         popularity-contest popularity-contest/participate boolean false\n"
    )
}

/// The seed last: an installation without it must not end well. systemd-resolved, which does not run yet, may have
/// put its own resolver into the installed system.
fn late(node: &Node) -> String {
    let remove = &node.profile.installer.remove;
    let remove = match remove.as_slice() {
        [] => String::new(),
        names => format!("in-target apt-get -q -y purge {} && ", names.join(" ")),
    };
    format!(
        "d-i preseed/late_command string mkdir -p /target/run/systemd/resolve && \
         cp /etc/resolv.conf /target/run/systemd/resolve/stub-resolv.conf && {remove}cp /tmp/hook.sh /target/root/hook.sh && \
         in-target sh /root/hook.sh seed && rm /target/root/hook.sh\n\
         d-i cdrom-detect/eject boolean false\n\
         d-i finish-install/reboot_in_progress note\n"
    )
}
