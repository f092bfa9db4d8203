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
        assert_eq!(
            done.stdout.contains(
                "firstlight: kubelet warning (no certificate of it is taken (certificate has expired): firstlight certs renew --node"
            ),
            (seed, own) == (past, past),
            "{}",
            done.stdout
        );
    }
}

/// What containerd knows: `/test/db/CONTAINER` holds its pod.
const CTR: &str = r#"#!/bin/sh
shift 2
echo "$*" >> /test/ctr
cd /test/db
case "$1 $2" in
  'containers info') [ -e "$3" ] && printf '{\n    "Labels": {\n        "io.kubernetes.pod.uid": "%s",\n' "$(cat "$3")" ;;
  'containers ls') grep -lx "${4##*==}" * ;;
  'containers rm') rm "$3"; rm -r /var/lib/containerd/io.containerd.grpc.v1.cri/*/"$3" ;;
  *) exit 1 ;;
esac
"#;

#[test]
fn pods_from_a_time_to_come_are_forgotten_once() {
    let machine = Machine::with_scripts();
    machine.write("opt/firstlight/bin/ctr", CTR);
    machine.run("chmod +x /opt/firstlight/bin/ctr").ok();
    let before_kubelet = || {
        machine
            .run("/opt/firstlight/bin/firstlight-containers-ahead")
            .ok()
            .stdout
    };
    assert_eq!(before_kubelet(), "", "no containerd yet");
    // a pod whose sandbox is ahead and whose container is not, one of the other kind, and two that are of today
    let made = r#"mkdir /test/db && cd /var/lib && mkdir -p containerd/io.containerd.grpc.v1.cri && cd containerd/io.*
container() { # POD SECONDS
  mkdir -p sandboxes/$1-box containers/$1-one
  echo $1 > /test/db/$1-box; echo $1 > /test/db/$1-one
  printf '{"Version":"v1","Pid":7,"CreatedAt":%s000000000,"StartedAt":0}' $(($(command date +%s) + $2)) > containers/$1-one/status
}
container boxed 0; touch -d '2 hours' sandboxes/boxed-box
container late 7200
container now 20; touch -d '20 seconds' sandboxes/now-box
container old -7200"#;
    machine.run(made).ok();
    let said = before_kubelet();
    assert!(
        said.starts_with("firstlight: kubelet again (4 containers date from after "),
        "{said}"
    );
    let left = machine.run("ls /test/db").ok().stdout;
    assert_eq!(left, "now-box\nnow-one\nold-box\nold-one\n");
    assert_eq!(before_kubelet(), "", "they are gone");
    assert_eq!(
        machine.read("test/systemctl"),
        "--no-block restart containerd.service\n"
    );
}

/// By the machine's uptime, not by turns: where each question takes seconds, the unit's own time limit came first.
#[test]
fn a_time_server_is_waited_for_no_longer_than_said_however_slow_the_machine_is() {
    let machine = Machine::with_scripts();
    machine.write(
        "test/bin/timedatectl",
        "#!/bin/sh\n[ \"$1\" = status ] || exit 0\necho asked >> /test/asked\n/usr/bin/sleep 4\n",
    );
    let done = machine.run(
        "chmod +x /test/bin/timedatectl; FL_TIME_SERVICE=systemd-timesyncd.service /opt/firstlight/bin/firstlight-clock",
    );
    let said = done.ok().stdout;
    assert!(
        said.starts_with(
            "firstlight: clock unsynchronised (no time server answered within 10 s; going on with "
        ),
        "{said}"
    );
    let asked = machine.read("test/asked").lines().count();
    assert!((2..=4).contains(&asked), "{asked}");
}
