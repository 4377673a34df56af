document.documentElement.dataset.legacy = 'copied'
