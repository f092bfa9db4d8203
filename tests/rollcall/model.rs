//! Masters, their disks and the clusters of etcd they form, as far as the roll call cares.

use std::fmt::Write as _;

use proptest::prelude::RngExt as _;
use proptest::test_runner::TestRng;

use super::script::Script;

type Life = u32;

/// What may go wrong in a walk.
#[derive(Clone, Copy)]
pub struct Faults {
    /// Disks replaced by empty ones.
    pub wipes: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Set {
    None,
    Founded(Vec<(usize, Life)>),
    Joined(Life),
}

/// What a master shows, or what is seen of it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Line {
    word: &'static str,
    life: Life,
    set: Set,
}

/// Everything that a power cut leaves.
#[derive(Clone, Default)]
struct Disk {
    note: Option<(Life, Set)>,
    wal: Option<Wal>,
    born: Option<Life>,
}

#[derive(Clone)]
struct Wal {
    cluster: usize,
    life: Life,
    /// Cut off at its first write: a member that knows no other until a leader tells it.
    hollow: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Show,
    State,
    Ask(usize),
    Act,
    /// Shown as one with data; the read that confirms it and the mark are still to come.
    Confirm,
}

/// `firstlight-etcd` while it runs.
struct Process {
    at: At,
    own: Line,
    shown: Option<Line>,
    seen: Vec<Line>,
    etcd: bool,
    state: &'static str,
    /// Times that etcd was looked at and did not serve.
    waited: u32,
    stuck: bool,
    hopeless: u32,
    ready: bool,
    wipes_before: usize,
}

/// One foundation, with the members it has by now.
struct Cluster {
    set: Set,
    voters: Vec<(usize, Life)>,
    learner: Option<(usize, Life)>,
    served: bool,
}

/// Everything.
pub struct World {
    disks: Vec<Disk>,
    running: Vec<Option<Process>>,
    clusters: Vec<Cluster>,
    lives: Life,
    faults: Faults,
    wiped: usize,
    calm: bool,
    history: String,
}

const SILENT: Line = Line {
    word: "silent",
    life: 0,
    set: Set::None,
};

impl World {
    pub fn new(masters: usize, faults: Faults) -> World {
        World {
            disks: vec![Disk::default(); masters],
            running: (0..masters).map(|_| None).collect(),
            clusters: Vec::new(),
            lives: 0,
            faults,
            wiped: 0,
            calm: false,
            history: String::new(),
        }
    }

    /// What happened, for a failure.
    pub fn history(&self) -> &str {
        &self.history
    }

    fn note(&mut self, i: usize, what: &str) {
        writeln!(self.history, "m{} {what}", i + 1).unwrap();
    }

    /// One moment of one master, or one fault.
    pub fn step(&mut self, rng: &mut TestRng, script: &mut Script) {
        let i = rng.random_range(0..self.disks.len());
        match rng.random_range(0..100) {
            0..3 if self.running[i].is_some() => {
                self.note(i, "cut");
                self.running[i] = None;
            }
            3 if self.wiped < self.faults.wipes => {
                self.note(i, "cut and wiped");
                self.running[i] = None;
                self.disks[i] = Disk::default();
                self.wiped += 1;
            }
            4 if self.running[i].is_some() => {
                if let Some(process) = &mut self.running[i] {
                    process.etcd = false;
                    // systemd starts all of it again
                    if process.ready {
                        self.running[i] = None;
                    }
                }
                self.note(i, "etcd killed");
            }
            _ if self.running[i].is_none() => {
                if rng.random_ratio(1, 6) {
                    self.power_on(i);
                }
            }
            _ => self.tick(i, rng, script),
        }
    }

    /// No more faults, everybody on: whether all serve in one cluster before long.
    pub fn settles(&mut self, rng: &mut TestRng, script: &mut Script) -> bool {
        self.calm = true;
        self.history.push_str("-- calm\n");
        let masters = self.disks.len();
        for _ in 0..4000 {
            for i in 0..masters {
                if self.running[i].is_none() {
                    self.power_on(i);
                }
                for _ in 0..rng.random_range(1..4) {
                    self.tick(i, rng, script);
                }
            }
            let same = |d: &Disk| d.wal.as_ref().map(|w| w.cluster);
            if self.running.iter().flatten().all(|p| p.ready)
                && self.disks.iter().all(|d| same(d) == same(&self.disks[0]))
            {
                return true;
            }
        }
        false
    }

    /// Whether waiting for ever is right: a cluster that served has lost a majority.
    pub fn may_wait(&self) -> bool {
        (0..self.clusters.len()).any(|c| self.clusters[c].served && !self.recoverable(c))
    }

    fn power_on(&mut self, i: usize) {
        let disk = self.disks[i].clone();
        let show = |word, life, set| Line { word, life, set };
        let own = match (&disk.wal, &disk.note) {
            (Some(_), Some((life, set))) if disk.born != Some(*life) => {
                show("go", *life, set.clone())
            }
            (Some(wal), _) => show("data", wal.life, Set::None),
            _ => {
                self.disks[i].note = None;
                self.lives += 1;
                let word = if disk.born.is_some() { "lost" } else { "blank" };
                show(word, self.lives, Set::None)
            }
        };
        self.note(i, &format!("on as {own:?}"));
        self.running[i] = Some(Process {
            at: At::Show,
            own,
            shown: None,
            seen: vec![SILENT; self.disks.len()],
            etcd: disk.wal.is_some(),
            state: "none",
            waited: 0,
            stuck: false,
            hopeless: 0,
            ready: false,
            wipes_before: 0,
        });
    }

    /// Whether this very member votes now.
    fn votes(&self, (i, life): (usize, Life), cluster: usize) -> bool {
        let wal = self.disks[i].wal.as_ref();
        self.running[i].as_ref().is_some_and(|p| p.etcd)
            && wal.is_some_and(|w| w.cluster == cluster && w.life == life && !w.hollow)
    }

    fn leads(&self, cluster: usize) -> bool {
        let voters = &self.clusters[cluster].voters;
        voters.iter().filter(|v| self.votes(**v, cluster)).count() * 2 > voters.len()
    }

    /// Whether a majority's disks still hold it.
    fn recoverable(&self, cluster: usize) -> bool {
        let voters = &self.clusters[cluster].voters;
        let whole = |(i, life): &&(usize, Life)| {
            let wal = self.disks[*i].wal.as_ref();
            wal.is_some_and(|w| w.cluster == cluster && w.life == *life && !w.hollow)
        };
        voters.iter().filter(whole).count() * 2 > voters.len()
    }

    fn serves(&self, i: usize) -> bool {
        self.disks[i].wal.as_ref().is_some_and(|w| {
            self.votes((i, w.life), w.cluster)
                && self.leads(w.cluster)
                && self.clusters[w.cluster].voters.contains(&(i, w.life))
        })
    }

    /// What somebody sees of a master now.
    fn look(&self, j: usize) -> Line {
        let Some(process) = &self.running[j] else {
            return SILENT;
        };
        if !process.ready {
            return process.shown.clone().unwrap_or(SILENT);
        }
        let word = if self.serves(j) { "leader" } else { "data" };
        Line { word, ..SILENT }
    }

    fn process(&mut self, i: usize) -> &mut Process {
        self.running[i].as_mut().unwrap()
    }

    fn tick(&mut self, i: usize, rng: &mut TestRng, script: &mut Script) {
        let masters = self.disks.len();
        if self.process(i).ready {
            return;
        }
        match self.process(i).at {
            At::Show => {
                let process = self.process(i);
                process.shown = Some(process.own.clone());
                process.at = At::State;
            }
            At::State => {
                self.observe(i, rng);
                self.process(i).at = At::Ask(0);
            }
            At::Ask(j) if j == masters => self.process(i).at = At::Act,
            At::Ask(j) => {
                // a packet lost, a link down, one way or the other
                let heard = self.calm || !rng.random_ratio(1, 8);
                let line = if heard { self.look(j) } else { SILENT };
                let process = self.process(i);
                process.seen[j] = line;
                process.at = At::Ask(j + 1);
            }
            At::Act => {
                self.process(i).at = At::Show;
                self.act(i, script);
            }
            At::Confirm => {
                self.process(i).at = At::Show;
                self.confirm(i);
            }
        }
    }

    fn observe(&mut self, i: usize, rng: &mut TestRng) {
        let (serves, calm, wiped) = (self.serves(i), self.calm, self.wiped);
        if let Some(Wal {
            cluster,
            hollow: true,
            ..
        }) = self.disks[i].wal
            && (self.process(i).etcd && self.leads(cluster))
        {
            self.disks[i].wal.as_mut().unwrap().hollow = false;
        }
        let wal = self.disks[i].wal.is_some();
        let process = self.process(i);
        process.wipes_before = wiped;
        process.state = match (wal, process.etcd) {
            (false, _) => "none",
            (true, false) => "off",
            (true, true) if serves => "voter",
            (true, true) => "on",
        };
        process.waited += 1;
        // while things go wrong anybody may lose patience at any moment
        process.stuck = if calm {
            process.waited > 30
        } else {
            process.stuck || rng.random_ratio(1, 10)
        };
    }

    /// The roll, with lives renamed in order of appearance: what the script said once it says again.
    fn roll(&self, i: usize) -> (String, Vec<Life>) {
        let process = self.running[i].as_ref().unwrap();
        let mut names = Vec::new();
        let mut name = |life: Life| {
            let at = names.iter().position(|l| *l == life).unwrap_or_else(|| {
                names.push(life);
                names.len() - 1
            });
            format!("l{at}")
        };
        let mut line = |line: &Line| {
            let set = match &line.set {
                Set::None => "-".to_owned(),
                Set::Joined(life) => format!("joined-{}", name(*life)),
                Set::Founded(all) => {
                    let each = all.iter().map(|(m, l)| format!("m{}={}", m + 1, name(*l)));
                    each.collect::<Vec<_>>().join(",")
                }
            };
            let life = if line.word == "silent" {
                "-".to_owned()
            } else {
                name(line.life)
            };
            format!("{} {life} {set}", line.word)
        };
        let stuck = if process.stuck { " stuck" } else { "" };
        let mut text = format!(
            "me m{} {} {}{stuck}\n",
            i + 1,
            line(&process.own),
            process.state
        );
        for (j, seen) in process.seen.iter().enumerate() {
            let seen = if i == j { &process.own } else { seen };
            writeln!(text, "m{} {}", j + 1, line(seen)).unwrap();
        }
        (text + "\n", names)
    }

    fn act(&mut self, i: usize, script: &mut Script) {
        let (roll, names) = self.roll(i);
        let verdict = script.ask(&roll);
        let (verb, rest) = verdict.split_once(' ').unwrap_or((&verdict, ""));
        let master = |name: &str| name[1..].parse::<usize>().unwrap() - 1;
        if verb != "wait" {
            self.note(i, &format!("{verdict} {names:?}"));
        }
        if verb != "hopeless" {
            self.process(i).hopeless = 0;
        }
        match verb {
            "ready" => {
                let process = self.process(i);
                process.own.word = "data";
                process.shown = Some(process.own.clone());
                process.at = At::Confirm;
            }
            "start" => {
                let process = self.process(i);
                process.etcd = true;
                process.waited = 0;
            }
            "see" => {
                let life = |l: &str| names[l[1..].parse::<usize>().unwrap()];
                let pair = |p: &str| {
                    p.split_once('=')
                        .map(|(m, l)| (master(m), life(l)))
                        .unwrap()
                };
                let own = &mut self.process(i).own;
                (own.word, own.set) = ("seen", Set::Founded(rest.split(',').map(pair).collect()));
            }
            "found" => self.found(i),
            "join" => self.join(i, master(rest)),
            "promote" => self.promote(i),
            "hopeless" => self.despair(i),
            "wait" => {}
            _ => panic!("verdict `{verdict}` on\n{roll}"),
        }
    }

    fn begin(&mut self, i: usize, cluster: usize, set: Set, hollow: bool) {
        let process = self.process(i);
        let life = process.own.life;
        (process.own.word, process.own.set) = ("go", set.clone());
        process.shown = Some(process.own.clone());
        process.etcd = true;
        process.waited = 0;
        process.stuck = false;
        self.disks[i].note = Some((life, set));
        self.disks[i].wal = Some(Wal {
            cluster,
            life,
            hollow,
        });
    }

    fn found(&mut self, i: usize) {
        let set = self.process(i).own.set.clone();
        let Set::Founded(voters) = &set else {
            panic!("m{} founds {set:?}", i + 1)
        };
        let known = self.clusters.iter().position(|c| c.set == set);
        let cluster = known.unwrap_or_else(|| {
            self.clusters.push(Cluster {
                set: set.clone(),
                voters: voters.clone(),
                learner: None,
                served: false,
            });
            self.clusters.len() - 1
        });
        // one in a few is cut at its first write
        let hollow = !self.calm && self.lives.is_multiple_of(5);
        self.begin(i, cluster, set, hollow);
    }

    fn join(&mut self, i: usize, through: usize) {
        let Some(cluster) = self.disks[through].wal.as_ref().map(|w| w.cluster) else {
            return;
        };
        if !self.serves(through) {
            return;
        }
        let life = self.process(i).own.life;
        let members = &mut self.clusters[cluster];
        members.voters.retain(|v| v.0 != i);
        if members.learner.is_some_and(|l| l.0 == i) {
            members.learner = None;
        }
        if members.learner.is_none() {
            members.learner = Some((i, life));
            self.begin(i, cluster, Set::Joined(life), false);
        }
    }

    fn promote(&mut self, i: usize) {
        let Some(Wal { cluster, life, .. }) = self.disks[i].wal else {
            return;
        };
        if self.leads(cluster) && self.clusters[cluster].learner == Some((i, life)) {
            let members = &mut self.clusters[cluster];
            members.learner = None;
            members.voters.push((i, life));
        }
    }

    fn despair(&mut self, i: usize) {
        let process = self.process(i);
        process.hopeless += 1;
        if process.hopeless == 3 {
            process.etcd = false;
        }
        if process.hopeless <= 3 {
            return;
        }
        let before: Vec<_> = (0..self.clusters.len())
            .map(|c| self.recoverable(c))
            .collect();
        self.disks[i].wal = None;
        self.disks[i].note = None;
        self.lives += 1;
        let (life, born) = (self.lives, self.disks[i].born.is_some());
        let undisturbed = self.process(i).wipes_before == self.wiped;
        for (c, was) in before.into_iter().enumerate() {
            assert!(
                !undisturbed || !self.clusters[c].served || !was || self.recoverable(c),
                "m{} gave up data that was needed:\n{}",
                i + 1,
                self.history
            );
        }
        let process = self.process(i);
        process.own = Line {
            word: if born { "lost" } else { "blank" },
            life,
            set: Set::None,
        };
        process.stuck = false;
        process.waited = 0;
        process.hopeless = 0;
    }

    fn confirm(&mut self, i: usize) {
        if !self.serves(i) {
            let unborn = self.disks[i].note.is_some();
            let process = self.process(i);
            if unborn {
                process.own.word = "go";
            }
            return;
        }
        let Wal { cluster, life, .. } = *self.disks[i].wal.as_ref().unwrap();
        self.disks[i].born = Some(life);
        self.disks[i].note = None;
        self.process(i).ready = true;
        self.clusters[cluster].served = true;
        for other in 0..self.clusters.len() {
            assert!(
                other == cluster || !self.clusters[other].served || !self.recoverable(other),
                "two clusters serve:\n{}",
                self.history
            );
        }
        self.note(i, "is ready");
    }
}
