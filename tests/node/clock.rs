//! A clock that ran ahead, and is set back.

use crate::machine::Machine;

#[test]
fn a_clock_that_is_set_back_starts_anew_what_holds_certificates_and_tokens() {
    let machine = Machine::with_scripts();
    let moved = |now: &str| {
        machine
            .run(&format!(
                "echo {now} > /test/now; /opt/firstlight/bin/firstlight-clock-moved"
            ))
            .ok()
            .stdout
    };
    assert_eq!(moved("3000000000"), "");
    assert_eq!(moved("4000000000"), "", "ahead");
    assert_eq!(moved("3999999990"), "", "a little back");
    let said = moved("3000000000");
    assert!(
        said.starts_with("firstlight: clock moved (back by 9999999")
            && said.contains("start again"),
        "{said}"
    );
    let asked = machine.read("test/systemctl");
    assert_eq!(asked, "--no-block try-restart kubelet.service\n");
}

/// An authority, and certificates of it from one time to another; the seed's is in kubelet.conf.
const AUTHORITY: &str = r#"
mkdir -p /etc/kubernetes/pki /var/lib/kubelet/pki /test/ca && cd /test/ca
touch index && echo 01 > serial
cat > conf <<'END'
[ca]
default_ca = d
[d]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = p
certificate = /etc/kubernetes/pki/ca.crt
private_key = ca.key
[p]
commonName = supplied
END
key='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
openssl req -x509 $key -keyout ca.key -out /etc/kubernetes/pki/ca.crt -days 300 -subj /CN=ca
leaf() { # NAME FROM UNTIL
  openssl req $key -keyout $1.key -out $1.csr -subj /CN=$1
  openssl ca -batch -notext -config conf -startdate $2 -enddate $3 -in $1.csr -out $1.crt
}
leaf seed $SEED
leaf own $OWN
cp own.crt /var/lib/kubelet/pki/kubelet-client-now.pem
ln -s kubelet-client-now.pem /var/lib/kubelet/pki/kubelet-client-current.pem
printf 'users:\n- user:\n    client-certificate-data: "%s"\n' "$(base64 -w0 seed.crt)" > /etc/kubernetes/kubelet.conf
"#;

#[test]
fn a_certificate_that_is_not_valid_now_makes_room_for_the_seeds() {
    let (good, past, future) = (
        "'20200101000000Z 20490101000000Z'",
        "'20200101000000Z 20210101000000Z'",
        "'20480101000000Z 20490101000000Z'",
    );
    for (seed, own, stays) in [
        (good, good, true),
        (good, past, false),
        (good, future, false),
        (past, past, true),
    ] {
        let machine = Machine::with_scripts();
        let begun = format!("exec 2> /dev/null; SEED={seed} OWN={own}; {AUTHORITY}");
        machine.run(&begun).ok();
        let done = machine
            .run("/opt/firstlight/bin/firstlight-kubelet-certificate")
            .ok();
        let current = machine.at("var/lib/kubelet/pki/kubelet-client-current.pem");
        assert_eq!(
            current.symlink_metadata().is_ok(),
            stays,
            "{seed} {own}: {}",
            done.stdout
        );
        assert_eq!(
            done.stdout
                .contains("firstlight: kubelet again (its certificate is not taken (certificate "),
            !stays,
            "{}",
            done.stdout
        );
    }
}

#[test]
fn containers_from_a_time_to_come_are_forgotten_once() {
    let machine = Machine::with_scripts();
    let ctr = r#"#!/bin/sh
[ "$*" != "-n k8s.io sandboxes rm --force ahead" ] || exit 1
[ "$3 $4" != "containers rm" ] || rm -r /var/lib/containerd/io.containerd.grpc.v1.cri/*/"$5"
echo "$*" >> /test/ctr
"#;
    let script = format!(
        "cat > /opt/firstlight/bin/ctr <<'END'\n{ctr}END\nchmod +x /opt/firstlight/bin/ctr"
    );
    machine.run(&script).ok();
    let before_kubelet = || {
        machine
            .run("/opt/firstlight/bin/firstlight-containers-ahead")
            .ok()
            .stdout
    };
    assert_eq!(before_kubelet(), "", "no containerd yet");
    let made = "state=/var/lib/containerd/io.containerd.grpc.v1.cri
mkdir -p $state/sandboxes/ahead $state/containers/child $state/containers/now
touch -d '2 hours' $state/sandboxes/ahead $state/containers/child; touch -d '20 seconds' $state/containers/now";
    machine.run(made).ok();
    let said = before_kubelet();
    assert!(
        said.starts_with("firstlight: kubelet again (2 containers date from after "),
        "{said}"
    );
    assert_eq!(
        machine.read("test/ctr"),
        "-n k8s.io tasks rm --force child\n-n k8s.io sandboxes rm --force child\n-n k8s.io containers rm child\n\
         -n k8s.io tasks rm --force ahead\n-n k8s.io containers rm ahead\n"
    );
    assert_eq!(before_kubelet(), "", "they are gone");
    assert_eq!(
        machine.read("test/systemctl"),
        "--no-block restart containerd.service\n"
    );
}
