//! What the report counts and says.

use encode_check::{
    Compared, Difference, FileOutcome, FileReport, FileVerdict, Identical, IdenticalBaseline, KernelReport, LIMIT,
    Report, Style, UnavailableKernel, VERSION,
};

fn difference(rule: Option<&str>) -> Difference {
    Difference {
        ours: Some(7),
        shipped: None,
        kind: "FUNC".into(),
        name: "f".into(),
        what: "only ours has it".into(),
        rule: rule.map(str::to_owned),
    }
}

fn file(name: &str, differences: Vec<Difference>) -> FileReport {
    let compared = Compared {
        ours: 2000,
        shipped: 2000,
        common: 2000,
        our_bytes: 90,
        shipped_bytes: 100,
        identical: false,
        redundant: Vec::new(),
        left_out: None,
        threads: 0,
        differences,
    };
    FileReport { file: name.into(), outcome: FileOutcome::Compared(compared) }
}

fn report(files: Vec<FileReport>) -> Report {
    let kernel = KernelReport {
        release: "6.1.0-56-cloud-amd64".into(),
        package: "linux-image-dbg=1".into(),
        pahole: "1.24".into(),
        identical: Identical::count(&files),
        recorded: None,
        files,
        milliseconds: 1500,
    };
    Report { version: VERSION, kernels: vec![kernel], unavailable: Vec::new() }
}

fn text(report: &Report) -> String {
    report.text(Style { colour: false, width: 120 })
}

#[test]
fn all_is_well_if_everything_is_equal_or_explained() {
    let equal = report(vec![file("vmlinux", Vec::new()), file("a.ko", Vec::new())]);
    assert!(equal.holds() && text(&equal).starts_with("All 2 files have the BTF that was shipped.\n"));
    let explained = report(vec![file("vmlinux", Vec::new()), file("a.ko", vec![difference(Some("repeated"))])]);
    assert!(explained.holds(), "{}", text(&explained));
    assert!(text(&explained).contains("FUNC f: only ours has it (rule repeated)"));
    let junit = explained.junit().unwrap();
    assert!(junit.contains(r#"tests="3""#) && junit.contains(r#"failures="0" errors="0""#), "{junit}");
}

#[test]
fn a_difference_without_a_rule_a_failure_a_copy_of_the_base_s_and_more_bytes_are_not_well() {
    let vmlinux = || file("vmlinux", Vec::new());
    let open = report(vec![vmlinux(), file("a.ko", vec![difference(None)])]);
    assert!(!open.holds() && text(&open).starts_with("Of 2 files 1 differ in a way that no rule predicts."));
    assert!(text(&open).contains("FUNC f: only ours has it (no rule)"));
    assert!(open.junit().unwrap().contains("FUNC f: only ours has it"));

    let failed = FileReport { file: "a.ko".into(), outcome: FileOutcome::Failed("no DWARF".into()) };
    let failed = report(vec![vmlinux(), failed]);
    assert!(!failed.holds() && text(&failed).contains("a.ko: not compared: no DWARF"));

    let changed = |change: fn(&mut Compared)| {
        let mut other = file("a.ko", Vec::new());
        let FileOutcome::Compared(compared) = &mut other.outcome else { panic!("it was compared") };
        change(compared);
        report(vec![vmlinux(), other])
    };
    let redundant = changed(|it| it.redundant.push("STRUCT x".into()));
    assert!(!redundant.holds() && text(&redundant).contains("redundant: STRUCT x is in the base as well"));
    assert_eq!(redundant.kernels[0].count(FileVerdict::Unexplained), 1);
    let large = changed(|it| it.our_bytes = 101);
    assert!(!large.holds() && text(&large).contains("more bytes than what was shipped"));

    let none = Report { version: VERSION, kernels: Vec::new(), unavailable: Vec::new() };
    for nothing in [report(Vec::new()), report(vec![vmlinux()]), none] {
        assert!(!nothing.holds(), "without modules nothing was shown");
    }
}

#[test]
fn a_kernel_that_is_unavailable_is_told_and_never_a_success() {
    let gone =
        UnavailableKernel { release: "6.12.115".into(), why: "p=1 is unavailable: the archive has only p=2".into() };
    let beside_another = Report {
        unavailable: vec![gone.clone()],
        ..report(vec![file("vmlinux", Vec::new()), file("a.ko", Vec::new())])
    };
    assert!(!beside_another.holds() && beside_another.none_fails());
    let rendered = text(&beside_another);
    let first = "All 2 files have the BTF that was shipped. One kernel is unavailable and was not checked.\n";
    assert!(rendered.starts_with(first), "{rendered}");
    assert!(
        rendered.contains("6.12.115: unavailable, not checked\n  p=1 is unavailable: the archive has only p=2\n"),
        "{rendered}"
    );
    let junit = beside_another.junit().unwrap();
    assert!(junit.contains(r#"<skipped message="p=1 is unavailable"#) && junit.contains(r#"skipped="1""#), "{junit}");
    let alone = Report { version: VERSION, kernels: Vec::new(), unavailable: vec![gone] };
    assert!(!alone.holds() && alone.none_fails());
    let rendered = text(&alone);
    assert!(
        rendered.starts_with("Nothing was compared. One kernel is unavailable and was not checked.\n"),
        "{rendered}"
    );
}

/// A kernel and two modules without a difference, of which these are byte for byte what was shipped.
fn with_identical(identical: [bool; 3], recorded: Option<Identical>) -> Report {
    let files = ["vmlinux", "a.ko", "b.ko"].into_iter().zip(identical).map(|(name, identical)| {
        let mut file = file(name, Vec::new());
        let FileOutcome::Compared(compared) = &mut file.outcome else { panic!("it was compared") };
        compared.identical = identical;
        file
    });
    let mut report = report(files.collect());
    report.kernels[0].recorded = recorded;
    report
}

#[test]
fn an_order_that_got_worse_is_a_failure_though_every_file_is_the_same_by_meaning() {
    let recorded = Some(Identical { vmlinux: true, modules: 1 });
    let as_recorded = with_identical([true, false, true], recorded);
    assert!(as_recorded.holds());
    assert!(text(&as_recorded).contains("byte for byte as shipped: vmlinux and 1 module of 2, as recorded"));
    for worse in [[true, false, false], [false, true, false], [false, true, true]] {
        let worse = with_identical(worse, recorded);
        assert!(!worse.holds() && worse.kernels[0].count(FileVerdict::Equal) == 3);
        let text = text(&worse);
        assert!(text.starts_with("Of 3 files fewer are byte for byte what was shipped than is recorded."), "{text}");
        assert!(text.contains("FEWER than the vmlinux and 1 module recorded"), "{text}");
        let junit = worse.junit().unwrap();
        assert!(
            junit.contains(r#"failures="1""#) && junit.contains("the order of types or strings got worse"),
            "{junit}"
        );
    }
    let better = with_identical([true, true, true], recorded);
    assert!(better.holds() && text(&better).contains("more than the vmlinux and 1 module recorded"));
    let junit = better.junit().unwrap();
    assert!(junit.contains(r#"name="identical modules" value="2""#), "{junit}");
    let json: Report = serde_json::from_str(&better.json().unwrap()).unwrap();
    assert_eq!(json.kernels[0].identical, Identical { vmlinux: true, modules: 2 });
    let unknown = with_identical([false, false, false], None);
    assert!(unknown.holds() && text(&unknown).contains("is not recorded of this package"));
}

#[test]
fn what_is_recorded_is_found_by_package_and_version() {
    let recorded = IdenticalBaseline::builtin().unwrap();
    let packages: Vec<&str> = recorded.packages().collect();
    assert!(!packages.is_empty() && packages.iter().all(|package| recorded.of(package).is_some()));
    assert_eq!(recorded.of("linux-image-6.1.0-56-cloud-amd64-dbg=6.1.192-1"), None, "what another build shipped");
}

#[test]
fn rules_may_explain_less_than_one_type_in_a_thousand_but_for_what_pahole_left_to_chance() {
    let with = |count: u64, threads: u32| {
        let differences = (0..count).map(|_| difference(Some("repeated"))).collect();
        let mut other = file("a.ko", differences);
        let FileOutcome::Compared(compared) = &mut other.outcome else { panic!("it was compared") };
        compared.threads = threads;
        report(vec![file("vmlinux", Vec::new()), other])
    };
    let types = 4000;
    assert!(with(types / LIMIT - 1, 0).holds());
    let over = with(types / LIMIT + 1, 0);
    assert!(!over.holds() && text(&over).contains("more than one type in 1,000 is explained by a rule"));
    assert!(over.junit().unwrap().contains("5 of 4005 types are explained by rules"));
    let chance = with(2, 100);
    let kernel = &chance.kernels[0];
    assert!(chance.holds());
    assert_eq!((kernel.by_chance(), kernel.explained(), kernel.types()), (100, 2, 4102));
    assert_eq!(kernel.count(FileVerdict::Explained), 1);
    let text = text(&chance);
    for expected in
        ["2 explained, 0.0488 %", "100 more, 2.4378 %", "rule threads, 100 types: ", "rule repeated, 2 types: "]
    {
        assert!(text.replace("\n    ", " ").contains(expected), "{expected}: {text}");
    }
    assert_eq!(
        with(0, 3).kernels[0].count(FileVerdict::Explained),
        1,
        "a file is explained if only the rule explains its differences"
    );
}
