# scripts/run_full_pipeline.ps1 FILE [OUT] [--root FOLDER] [--set KEY=VALUE]...: what
# run_full_pipeline.sh does, on Windows.
$ErrorActionPreference = "Stop"
$words = @($args)
if ($words.Count -eq 0 -or $words[0].StartsWith("-")) {
    [Console]::Error.WriteLine("scripts/run_full_pipeline.ps1 FILE [OUT] [--root FOLDER]")
    exit 2
}
$asked = @($words[0])
$words = @($words | Select-Object -Skip 1)
if ($words.Count -gt 0 -and -not $words[0].StartsWith("-")) {
    $asked += @("--output", $words[0])
    $words = @($words | Select-Object -Skip 1)
}
& (Join-Path $PSScriptRoot "run.ps1") qna --set qna.infer.ask_as=prompt @words infer @asked
exit $LASTEXITCODE
