#!/usr/bin/perl
# Runs a program and tells what it took, inside the build image; of both encoders that are compared, and so in the same way.
#
#   bench.pl warm FILE…                            reads files, so that all runs find them in memory
#   bench.pl run JOBS PROGRAM ARGUMENT… [-- INPUT…]
#
# `run` runs the program once, or once for each input, JOBS at a time; an argument's {} stands for the input, {/} for its
# file name without .ko. The programs are started directly, without a shell. Prints one line:
#
#   bench real <microseconds> user <microseconds> system <microseconds> peak <KiB> failed <count>
#
# The peak is that of the largest single process. What a program said is only shown if it failed.
use strict;
use warnings;
use integer;

my ($getrusage, $clock_gettime, $monotonic, $children) = (98, 228, 1, -1);    # x86-64

sub now {
    my $time = "\0" x 16;
    syscall($clock_gettime, $monotonic, $time) == 0 or die "bench.pl: no clock: $!\n";
    my ($seconds, $nanoseconds) = unpack 'q2', $time;
    return $seconds * 1_000_000 + $nanoseconds / 1000;
}

my $command = shift @ARGV // '';
if ($command eq 'warm') {
    for my $path (@ARGV) {
        open my $file, '<:raw', $path or die "bench.pl: $path: $!\n";
        1 while sysread $file, my $buffer, 1 << 20;
    }
    exit 0;
}
die "bench.pl: unknown command $command\n" if $command ne 'run' || @ARGV < 2;

my $jobs = shift @ARGV;
my (@program, @inputs);
while (@ARGV) {
    my $argument = shift @ARGV;
    if ($argument eq '--') { @inputs = @ARGV; last }
    push @program, $argument;
}
@inputs = ('') unless @inputs;

my ($running, $failed, $said) = (0, 0, "/tmp/bench.$$");
sub reap {
    wait != -1 or die "bench.pl: nothing to wait for\n";
    $running--;
    $failed++ if $?;
}

my $begun = now;
for my $input (@inputs) {
    reap if $running >= $jobs;
    my $name = $input;
    $name =~ s{.*/}{};
    $name =~ s{\.ko$}{};
    my @argv = map { my $word = $_; $word =~ s/\{\}/$input/g; $word =~ s/\{\/\}/$name/g; $word } @program;
    my $child = fork // die "bench.pl: no fork: $!\n";
    if ($child == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $said;
        open STDERR, '>&', \*STDOUT;
        exec { $argv[0] } @argv;
        exit 127;
    }
    $running++;
}
reap while $running;
my $real = now() - $begun;

my $usage = "\0" x 144;
syscall($getrusage, $children, $usage) == 0 or die "bench.pl: no usage: $!\n";
my ($user, $user_micro, $system, $system_micro, $peak) = unpack 'q5', $usage;
printf "bench real %d user %d system %d peak %d failed %d\n",
    $real, $user * 1_000_000 + $user_micro, $system * 1_000_000 + $system_micro, $peak, $failed;
if ($failed && open my $file, '<', $said) {
    my @lines = <$file>;
    print STDERR @lines[-20 .. -1] if @lines > 20;
    print STDERR @lines if @lines <= 20;
}
unlink $said;
